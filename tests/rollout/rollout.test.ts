import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createError } from '../../lib/errors/index.js';
import type { RolloutChangeEvent } from '../../lib/events/index.js';
import { Classifier, createSession, Tensor, type Classification } from '../../lib/index.js';
import { Random } from '../../lib/metrics/random.js';
import { Rollout, type RolloutOptions } from '../../lib/rollout/index.js';
import { FakeClock, settle } from '../batching/fakes.js';

type Options = { readonly signal?: AbortSignal; readonly topK?: number } | undefined;

const events: RolloutChangeEvent[] = [];
const listen = (event: unknown): unknown => events.push(event as RolloutChangeEvent);
beforeEach(() => {
  events.length = 0;
  subscribe('foveate:rollout.change', listen);
});
afterEach(() => {
  unsubscribe('foveate:rollout.change', listen);
});

interface Behaviour {
  /** Errors of calls; undefined where they succeed. */
  readonly fail?: (call: number) => Error | undefined;
}

/** Two versions that answer at once with their names. */
function quick(options: RolloutOptions<string>, stable: Behaviour = {}, candidate: Behaviour = {}) {
  const clock = new FakeClock();
  const calls = { stable: 0, candidate: 0 };
  const version =
    (name: 'stable' | 'candidate', { fail }: Behaviour) =>
    async (): Promise<string> => {
      const error = fail?.(calls[name]++);
      if (fail === undefined) calls[name]++;
      if (error !== undefined) throw error;
      return name;
    };
  const versions = { stable: version('stable', stable), candidate: version('candidate', candidate) };
  return { rollout: new Rollout<number, string, Options>(versions, options, clock), calls, clock };
}

/** Versions whose answers the test gives. */
function held(options: RolloutOptions<object>) {
  const clock = new FakeClock();
  const open = { stable: [] as Held[], candidate: [] as Held[] };
  interface Held {
    readonly item: object;
    readonly options: Options;
    readonly resolve: (result: object) => void;
    readonly reject: (error: unknown) => void;
  }
  const version = (name: 'stable' | 'candidate') => (item: object, given: Options) =>
    new Promise<object>((resolve, reject) => open[name].push({ item, options: given, resolve, reject }));
  const rollout = new Rollout({ stable: version('stable'), candidate: version('candidate') }, options, clock);
  return { rollout, open, clock };
}

const failure = (): Error => createError('ENGINE_FAILED', { message: 'no' });
const errorsOnly = { errors: 0.01, latency: false } as const;

describe('a canary', () => {
  it('grows by steps, is promoted, and then has all requests', async () => {
    const { rollout, calls } = quick({ mode: 'canary', name: 'faces', stepRequests: 50 });
    expect(rollout.share).toBe(0.01);
    for (let i = 0; rollout.state === 'running' && i < 100_000; i++) await rollout.run(i);
    expect(rollout.state).toBe('promoted');
    expect(rollout.verdict).toMatchObject({ decision: 'promote', words: expect.stringContaining('not worse') as string });
    expect(events.map(({ name, state, share }) => [name, state, share])).toEqual([
      ['faces', 'running', 0.1],
      ['faces', 'running', 0.5],
      ['faces', 'promoted', 1],
    ]);
    const { stable } = calls;
    for (let i = 0; i < 100; i++) expect(await rollout.run(i)).toBe('candidate');
    expect(calls.stable).toBe(stable);
    expect(rollout.statistics()).toMatchObject({ share: 1, versions: { candidate: { failed: 0 } } });
  });

  it('is rolled back where it fails, in its first step, with a handful of errors', async () => {
    let told: unknown;
    const { rollout, calls } = quick({ mode: 'canary', onVerdict: (verdict) => (told = verdict) }, {}, { fail: failure });
    let errors = 0;
    for (let i = 0; rollout.state === 'running' && i < 100_000; i++) await rollout.run(i).catch(() => errors++);
    expect(rollout.state).toBe('rolled-back');
    expect(errors).toBeLessThan(20);
    expect(calls.candidate).toBe(errors);
    expect(events).toMatchObject([{ state: 'rolled-back', share: 0 }]);
    await settle();
    expect(told).toBe(rollout.verdict);
    for (let i = 0; i < 500; i++) expect(await rollout.run(i)).toBe('stable');
  });

  it('counts what both versions refuse against neither, though all of it comes to the candidate', async () => {
    const version = async (picture: string): Promise<string> => {
      if (picture === 'broken') throw createError('MEDIA_INVALID', { message: 'no picture' });
      return picture;
    };
    const rollout = new Rollout({ stable: version, candidate: version }, { mode: 'canary', steps: [0.5], margins: errorsOnly });
    let caller = '';
    const send = async (picture: string): Promise<number> => {
      const { answered } = rollout.statistics().versions.candidate;
      const isRefused = await rollout.run(picture, undefined, { caller }).then(
        () => false,
        (error: { code?: string }) => error.code === 'MEDIA_INVALID',
      );
      expect(isRefused).toBe(picture === 'broken');
      return rollout.statistics().versions.candidate.answered - answered;
    };
    for (let i = 0; caller === '' || (await send('whole')) === 0; i++) caller = `caller ${i}`;
    for (let i = 0; i < 500; i++) await send('broken');
    expect(rollout.state).toBe('running');
    expect(rollout.statistics().versions.candidate).toMatchObject({ answered: 1, failed: 0 });
  });

  it('is not promoted where the candidate alone refuses what it is given', async () => {
    const fail = (): Error => createError('TENSOR_SHAPE', { message: 'other input' });
    const { rollout } = quick({ mode: 'canary', steps: [0.5] }, {}, { fail });
    for (let i = 0; rollout.state === 'running' && i < 10_000; i++) await rollout.run(i).catch(() => undefined);
    expect(rollout.state).toBe('rolled-back');
  });

  it('keeps each caller on one side, and those of the candidate there while the share grows', async () => {
    const { rollout } = quick({ mode: 'canary', stepRequests: 40, steps: [0.1, 0.3, 0.6], margins: errorsOnly, seed: 5 });
    const side = new Map<string, string>();
    let moved = 0;
    for (let i = 0; rollout.state === 'running' && i < 50_000; i++) {
      const caller = `camera ${i % 200}`;
      const answer = await rollout.run(i, undefined, { caller });
      if (side.get(caller) === 'candidate') expect(answer).toBe('candidate');
      if (side.get(caller) === 'stable' && answer === 'candidate') moved++;
      side.set(caller, answer);
    }
    expect(rollout.state).toBe('promoted');
    expect(moved).toBeGreaterThan(50);
    expect(moved).toBeLessThan(200);
  });

  it('goes the same way with the same seed', async () => {
    const way = async (seed: number): Promise<string> => {
      const { rollout } = quick({ mode: 'ab', seed, share: 0.3 });
      let text = '';
      for (let i = 0; i < 200; i++) text += (await rollout.run(i, undefined, i % 2 ? { caller: `${i}` } : {}))[0];
      return text;
    };
    expect(await way(1)).toBe(await way(1));
    expect(await way(1)).not.toBe(await way(2));
    expect([...(await way(3))].filter((letter) => letter === 'c').length).toBeGreaterThan(30);
  });

  it('ends without a verdict where one cannot be had', async () => {
    const { rollout } = quick({ mode: 'canary', steps: [0.5], margins: { errors: 0, latency: false }, maxRequests: 300 });
    for (let i = 0; rollout.state === 'running' && i < 10_000; i++) await rollout.run(i);
    expect(rollout.verdict).toMatchObject({ decision: 'inconclusive', words: expect.stringContaining('300 answers') as string });
    expect(rollout.state).toBe('rolled-back');
  });

  it('learns nothing from calls that were given up', async () => {
    const { rollout } = quick({ mode: 'canary', steps: [0.5] }, {}, { fail: () => createError('ABORTED', { message: '' }) });
    for (let i = 0; i < 500; i++) await rollout.run(i).catch(() => undefined);
    expect(rollout.state).toBe('running');
    expect(rollout.statistics().versions.candidate).toMatchObject({ answered: 0, failed: 0, meanMs: Number.NaN });
  });

  it('leaves calls alone that are under way when it ends', async () => {
    const { rollout, open } = held({ mode: 'ab' });
    const runs = Array.from({ length: 20 }, () => rollout.run({}));
    rollout.rollback();
    const late = rollout.run({});
    for (const { resolve } of [...open.stable, ...open.candidate]) resolve({ done: true });
    expect(await Promise.all([...runs, late])).toEqual(Array(21).fill({ done: true }));
    rollout.promote();
    expect(rollout.state).toBe('promoted');
    expect(rollout.verdict).toBeUndefined();
  });
});

describe('A/B', () => {
  it('comes to a verdict by outcomes that are reported, and changes nothing by itself', async () => {
    const { rollout } = quick({ mode: 'ab', margins: { errors: false, latency: false, outcome: 0 } });
    const random = new Random(3);
    for (let i = 0; rollout.verdict === undefined && i < 10_000; i++) {
      const answer = await rollout.run(i, undefined, { id: `r${i}` });
      const isGood = random.below(100) < (answer === 'candidate' ? 95 : 70);
      expect(rollout.report(`r${i}`, isGood ? 1 : 0)).toBe(true);
      expect(rollout.report(`r${i}`, 1)).toBe(false); // once
    }
    expect(rollout.verdict).toMatchObject({ decision: 'promote', measures: [{ name: 'outcome' }] });
    expect(rollout.verdict?.measures[0]?.loss).toBeLessThan(-0.1);
    expect(rollout).toMatchObject({ state: 'running', share: 0.5 });
    expect(rollout.statistics().pendingOutcomes).toBe(0);
    await rollout.run(1, undefined, { id: 'late' });
    expect(rollout.report('late', 1)).toBe(false);
  });

  it('knows what may be reported', async () => {
    const { rollout } = quick({ mode: 'ab', margins: { outcome: 0.1 } });
    expect(rollout.report('unknown', 1)).toBe(false);
    for (const outcome of [-0.1, 1.1, Number.NaN, '1']) {
      expect(() => rollout.report('a', outcome as number)).toThrowError(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
    }
    expect(() => quick({ mode: 'ab' }).rollout.report('a', 1)).toThrowError(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
    );
  });
});

describe('a shadow', () => {
  it('never answers, and neither delays nor fails a call', async () => {
    const { rollout, open } = held({ mode: 'shadow' });
    const [first, second] = [rollout.run({ n: 1 }), rollout.run({ n: 2 })];
    expect(open.candidate.map(({ item }) => item)).toEqual([{ n: 1 }, { n: 2 }]);
    open.candidate[0]?.reject(new Error('its own'));
    open.stable[0]?.resolve({ of: 'stable' });
    expect(await first).toEqual({ of: 'stable' });
    open.stable[1]?.reject(failure());
    await expect(second).rejects.toMatchObject({ code: 'ENGINE_FAILED' });
    expect(rollout.statistics().shadows.running).toBe(1);
    open.candidate[1]?.resolve({});
    await settle();
    expect(rollout.statistics()).toMatchObject({
      shadows: { running: 0, dropped: 0, uncompared: 0 },
      versions: { stable: { answered: 2, failed: 1 }, candidate: { answered: 2, failed: 1 } },
    });
    expect(rollout.statistics().measures[0]).toMatchObject({ name: 'errors', comparisons: 2, loss: 0 });
  });

  it('gets no more requests at a time than it may', async () => {
    const { rollout, open } = held({ mode: 'shadow', maxShadows: 2 });
    const runs = Array.from({ length: 5 }, () => rollout.run({}));
    expect(open.stable).toHaveLength(5);
    expect(open.candidate).toHaveLength(2);
    for (const { resolve } of open.stable) resolve({});
    await Promise.all(runs);
    expect(rollout.statistics().shadows).toEqual({ running: 2, dropped: 3, uncompared: 0 });
    void rollout.dispose(); // waits for the candidate
    expect(open.candidate.every(({ options }) => options?.signal?.aborted)).toBe(true);
    for (const { reject } of open.candidate) reject(createError('ABORTED', { message: '' }));
    await rollout.dispose();
    expect(rollout.statistics().shadows).toEqual({ running: 0, dropped: 3, uncompared: 2 });
    await expect(rollout.run({})).rejects.toMatchObject({ code: 'DISPOSED' });
  });

  it('is given a part of the requests, and a copy where one is made', async () => {
    const { rollout, open } = held({ mode: 'shadow', share: 0.25, maxShadows: 1000, copy: (item) => structuredClone(item) });
    const items = Array.from({ length: 400 }, (_, n) => ({ n }));
    const runs = items.map((item) => rollout.run(item));
    expect(open.candidate.length).toBeGreaterThan(60);
    expect(open.candidate.length).toBeLessThan(140);
    const [shadow] = open.candidate;
    expect(items).toContainEqual(shadow?.item);
    expect(items).not.toContain(shadow?.item);
    for (const { resolve } of [...open.stable, ...open.candidate]) resolve({});
    await Promise.all(runs);
  });

  it('does not end with the call, whose signal is not its own', async () => {
    const { rollout, open } = held({ mode: 'shadow' });
    const controller = new AbortController();
    const run = rollout.run({}, { signal: controller.signal, topK: 2 });
    controller.abort();
    open.stable[0]?.reject(createError('ABORTED', { message: '' }));
    await expect(run).rejects.toMatchObject({ code: 'ABORTED' });
    expect(open.candidate[0]?.options).toMatchObject({ topK: 2 });
    expect(open.candidate[0]?.options?.signal?.aborted).toBe(false);
    open.candidate[0]?.resolve({});
    await settle();
    expect(rollout.statistics().shadows.uncompared).toBe(1);
    expect(rollout.statistics().measures[0]?.comparisons).toBe(0);
  });

  it('is found to disagree', async () => {
    const { rollout, calls } = quick({ mode: 'shadow', compare: (a, b) => (a === b ? 1 : 0), automatic: true });
    for (let i = 0; rollout.verdict === undefined && i < 1000; i++) {
      expect(await rollout.run(i)).toBe('stable');
      await settle();
    }
    expect(rollout.verdict).toMatchObject({ decision: 'rollback', words: expect.stringContaining('agreement') as string });
    expect(calls.candidate).toBeLessThan(30);
    const { candidate } = calls;
    await rollout.run(0);
    expect(calls.candidate).toBe(candidate); // there is no more to learn
  });

  it('is found to be as good, and is promoted only where that was asked for', async () => {
    for (const automatic of [false, true]) {
      const { rollout } = quick({ mode: 'shadow', compare: () => 1, automatic });
      for (let i = 0; rollout.verdict === undefined && i < 5000; i++) {
        await rollout.run(i);
        await settle();
      }
      expect(rollout.verdict?.decision).toBe('promote');
      expect(await rollout.run(0)).toBe(automatic ? 'candidate' : 'stable');
    }
  });

  it('says nothing where it has no room, or its item is gone, or nobody can compare', async () => {
    const codes = ['QUEUE_FULL', 'DISPOSED', 'CIRCUIT_OPEN'] as const;
    const { rollout } = quick(
      { mode: 'shadow', compare: (): number => Number.NaN },
      {},
      { fail: (call) => (call < 3 ? createError(codes[call] as (typeof codes)[number], { message: '' }) : undefined) },
    );
    for (let i = 0; i < 5; i++) {
      await rollout.run(i);
      await settle();
    }
    expect(rollout.statistics().shadows.uncompared).toBe(5);
    expect(rollout.statistics().measures.map(({ comparisons }) => comparisons)).toEqual([2, 0, 0]);
    const broken = quick({ mode: 'shadow', copy: () => failing() });
    expect(await broken.rollout.run(1)).toBe('stable');
    await settle();
    expect(broken.calls.candidate).toBe(0);
    expect(broken.rollout.statistics().shadows.uncompared).toBe(1);
  });

  it('has failed where it refuses what the stable version answers, and not where both refuse', async () => {
    const refuse = (): Error => createError('TENSOR_SHAPE', { message: 'other input' });
    for (const [stable, failed] of [
      [{}, 1],
      [{ fail: refuse }, 0],
    ] as const) {
      const { rollout } = quick({ mode: 'shadow' }, stable, { fail: refuse });
      await rollout.run(1).catch(() => undefined);
      await settle();
      expect(rollout.statistics().versions.candidate.failed).toBe(failed);
      expect(rollout.statistics().shadows.uncompared).toBe(1 - failed);
    }
  });

  it('is disposed of where its result has to be', async () => {
    const { rollout, open } = held({ mode: 'shadow' });
    let disposed = 0;
    const run = rollout.run({});
    const result = { dispose: () => disposed++ };
    open.stable[0]?.resolve(result);
    expect(await run).toBe(result);
    open.candidate[0]?.resolve({ dispose: () => (disposed += 10) });
    await settle();
    expect(disposed).toBe(10);
  });

  it('runs real models side by side: a task', async () => {
    const examples = join(import.meta.dirname, '../../examples');
    const load = (): Promise<Classifier> => Classifier.load(join(examples, 'models/shapes-classifier.onnx'), { device: 'cpu' });
    await using before = await load();
    await using after = await load();
    await using rollout = new Rollout(
      { stable: (picture: string) => before.classify(picture), candidate: (picture: string) => after.classify(picture) },
      { mode: 'shadow', compare: (a: Classification, b: Classification) => (a.top.classId === b.top.classId ? 1 : 0) },
    );
    for (const name of ['star', 'ring', 'cross', 'circle']) {
      expect((await rollout.run(join(examples, `pictures/${name}.jpg`))).top.label).toBe(name);
    }
    await expect(rollout.run('nowhere.jpg')).rejects.toMatchObject({ code: 'MEDIA_NOT_FOUND' });
    while (rollout.statistics().shadows.running > 0) await settle();
    const { measures, shadows } = rollout.statistics();
    expect(shadows.uncompared).toBe(1); // the picture that is not there
    expect(measures.find(({ name }) => name === 'errors')).toMatchObject({ comparisons: 4, loss: 0 });
    expect(measures.find(({ name }) => name === 'agreement')).toMatchObject({ comparisons: 4, loss: 0 });
  });

  it('runs real models side by side: a session, whose inputs are disposed of after the call', async () => {
    const model = join(import.meta.dirname, '../../examples/models/shapes-classifier.onnx');
    await using session = await createSession(model, { device: 'cpu' });
    const [info] = session.inputs;
    const name = info?.name as string;
    const dims = (info?.shape ?? []).map((dim) => (typeof dim === 'number' ? dim : 1));
    const version = (inputs: Record<string, Tensor>, options?: { signal?: AbortSignal }): ReturnType<typeof session.run> =>
      session.run(inputs, options);
    await using rollout = new Rollout({ stable: version, candidate: version }, { mode: 'shadow' });
    for (let i = 0; i < 5; i++) {
      using input = Tensor.allocate('float32', dims);
      input.data.fill(0);
      using result = await rollout.run({ [name]: input });
      expect(Object.keys(result.outputs)).toHaveLength(1);
    }
    while (rollout.statistics().shadows.running > 0) await settle();
    const { measures, shadows } = rollout.statistics();
    expect((measures[0]?.comparisons as number) + shadows.uncompared + shadows.dropped).toBe(5);
    expect(measures[0]).not.toMatchObject({ loss: 1 });
  });
});

function failing(): never {
  throw new Error('no copy');
}
