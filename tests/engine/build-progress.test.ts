/** How far a build is, from the phases that a builder tells of. */
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import type { NativeNotice } from '../../lib/binding/index.js';
import { BuildPhases, type BuildProgress } from '../../lib/engine/build-progress.js';

const notice = (kind: NativeNotice['kind'], text: string, detail = '', number = 0): NativeNotice => ({
  kind,
  text,
  detail,
  number,
});
const begin = (phase: string, parent: string, steps: number): NativeNotice => notice('phase', phase, parent, steps);
const step = (phase: string, index: number): NativeNotice => notice('step', phase, '', index);
const end = (phase: string): NativeNotice => notice('end', phase);

/** What each notice changes: a phase, and how far all of it is. */
function told(...notices: readonly NativeNotice[]): (readonly [string, number] | undefined)[] {
  const phases = new BuildPhases();
  return notices.map((each) => {
    const progress = phases.hear(each);
    return progress && [progress.phase, progress.fraction];
  });
}

describe('the progress of a build', () => {
  it('grows with the steps of phases, each of which is a step of the one around it', () => {
    expect(
      told(
        begin('build', '', 2),
        begin('plan', 'build', 4),
        step('plan', 0),
        step('plan', 1),
        begin('time', 'plan', 2),
        step('time', 0),
        end('time'),
        step('plan', 2),
        end('plan'),
        step('build', 0),
        step('build', 1),
        end('build'),
      ),
    ).toEqual([
      ['build', 0],
      ['plan', 0],
      ['plan', 1 / 8],
      ['plan', 2 / 8],
      ['time', 2 / 8],
      ['time', 2.5 / 8],
      ['plan', 2.5 / 8],
      ['plan', 3 / 8],
      ['build', 3 / 8],
      ['build', 4 / 8],
      ['build', 1],
      ['build', 1],
    ]);
  });

  it('never falls', () => {
    expect(told(begin('build', '', 2), step('build', 0), step('build', 1), begin('again', '', 10), step('again', 0))).toEqual([
      ['build', 0],
      ['build', 0.5],
      ['build', 1],
      ['again', 1],
      ['again', 1],
    ]);
  });

  it('is not more than all, whatever numbers are told', () => {
    expect(told(begin('build', '', 2), begin('plan', 'build', 0), step('plan', 7), step('build', 99))).toEqual([
      ['build', 0],
      ['plan', 0],
      ['plan', 0.5],
      ['plan', 1],
    ]);
  });

  it('is not changed by lines of the log, or by phases that are not open', () => {
    const [, ...rest] = told(
      begin('build', '', 2),
      notice('log', 'build', 'info'),
      step('plan', 0),
      end('plan'),
      end('build'),
      step('build', 0),
    );
    expect(rest).toEqual([undefined, undefined, undefined, ['build', 0], undefined]);
  });

  it('goes on in the phase around one that ends, with all that are open in it', () => {
    expect(
      told(begin('build', '', 2), begin('plan', 'build', 2), begin('time', 'plan', 2), end('plan'), step('build', 0)).slice(3),
    ).toEqual([
      ['build', 0],
      ['build', 0.5],
    ]);
  });

  it('of a real build reaches its end in order', () => {
    const lines = readFileSync(new URL('fixtures/notices.txt', import.meta.url), 'utf8')
      .trimEnd()
      .split('\n');
    const phases = new BuildPhases();
    const progress = lines.map((line) => {
      const [kind, text, detail, number] = line.split('\t') as [NativeNotice['kind'], string, string, string];
      return phases.hear(notice(kind, text, detail, Number(number)));
    }) as BuildProgress[];
    const fractions = progress.map(({ fraction }) => fraction);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions[0]).toBe(0);
    expect(fractions.at(-1)).toBe(5 / 6); // the builder leaves its last step out
    // Half of the first phase, which is a step of six.
    expect(progress[lines.indexOf('step\tCloning network graph\t\t22')]).toEqual({
      phase: 'Cloning network graph',
      fraction: expect.closeTo(1 / 12) as number,
    });
    expect(new Set(progress.map(({ phase }) => phase))).toEqual(
      new Set(lines.filter((line) => line.startsWith('phase')).map((line) => line.split('\t')[1])),
    );
  });
});
