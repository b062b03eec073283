import { describe, expect, it } from 'vitest';
import { Rollout, type RolloutOptions } from '../../lib/rollout/index.js';

describe('what is checked', () => {
  const versions = { stable: async () => 'a', candidate: async () => 'b' };
  const wrong: [string, object][] = [
    ['no mode', {}],
    ['another mode', { mode: 'blue-green' }],
    ['steps that do not grow', { mode: 'canary', steps: [0.1, 0.1] }],
    ['no steps', { mode: 'canary', steps: [] }],
    ['a step of all', { mode: 'canary', steps: [1] }],
    ['a share of nothing', { mode: 'ab', share: 0 }],
    ['NaN', { mode: 'ab', share: Number.NaN }],
    ['alpha', { mode: 'ab', alpha: 1 }],
    ['a margin', { mode: 'ab', margins: { errors: -0.1 } }],
    ['nothing that counts', { mode: 'ab', margins: { errors: false, latency: false } }],
    ['a function', { mode: 'shadow', compare: 1 }],
    ['a seed', { mode: 'ab', seed: -1 }],
    ['room', { mode: 'shadow', maxShadows: 0 }],
  ];
  it.each(wrong)('%s', (_name, options) => {
    expect(() => new Rollout(versions, options as RolloutOptions<string>)).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });

  it.each([
    { mode: 'shadow', steps: [0.1] },
    { mode: 'canary', share: 0.1 },
    { mode: 'ab', compare: () => 1 },
    { mode: 'ab', margins: { agreement: 0.1 } },
    { mode: 'shadow', margins: { outcome: 0.1 } },
  ] as RolloutOptions<string>[])('options of another mode: %o', (options) => {
    expect(() => new Rollout(versions, options)).toThrowError(expect.objectContaining({ code: 'UNKNOWN_OPTION' }));
  });

  it('versions and requests', async () => {
    expect(() => new Rollout({ stable: versions.stable } as never, { mode: 'ab' })).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
    const rollout = new Rollout(versions, { mode: 'ab' });
    for (const request of [{ caller: '' }, { id: 1 }, { who: 'a' }]) {
      await expect(rollout.run(1 as never, undefined, request as object)).rejects.toMatchObject({
        code: expect.stringMatching('INVALID_ARGUMENT|UNKNOWN_OPTION') as string,
      });
    }
    await expect(rollout.run(1 as never, { signal: AbortSignal.abort() } as never)).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
