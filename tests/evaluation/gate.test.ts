/** Gates: what is let through, what is not, and what a gate cannot say. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { judge, readGate, type EvaluationResult, type GateVerdict } from '../../lib/evaluation/index.js';
import { expectFailure, rejectionOf, thrownBy } from '../errors/failure.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-gate-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(text: string): string {
  const path = join(folder, 'gate.yaml');
  writeFileSync(path, text);
  return path;
}

const results: EvaluationResult = {
  format: 1,
  foveate: '0.1.0',
  task: 'detect',
  made: '2026-11-28T00:00:00.000Z',
  model: { name: 'm.onnx', sha256: 'a', bytes: 4_000_000 },
  dataset: { name: 'd', format: 'coco', images: 100, annotations: 500, sha256: 'f' },
  options: {},
  metrics: { AP: 0.4, AP50: 0.61, APs: null },
  intervals: { AP: [0.37, 0.43], AP50: [0.58, 0.64] },
  classes: [
    { name: 'cat', count: 10, metrics: { AP50: 0.7 } },
    { name: 'dog', count: 10, metrics: { AP50: 0.3 } },
    { name: 'cow', count: 0, metrics: { AP50: null } },
  ],
  slices: [
    { attribute: 'light', value: 'day', images: 70, metrics: { AP: 0.45 }, intervals: { AP: [0.4, 0.5] } },
    { attribute: 'light', value: 'night', images: 30, metrics: { AP: 0.28 }, intervals: { AP: [0.2, 0.36] } },
    { attribute: 'light', value: 'dusk', images: 3, metrics: { AP: 0 }, intervals: {} },
  ],
  curves: [],
  latencyMs: { images: 100, mean: 20, p50: 18, p95: 40, p99: 60 },
  examples: [],
  failures: [],
};

async function judged(text: string, baseline?: EvaluationResult, of = results): Promise<readonly GateVerdict[]> {
  return judge(await readGate(write(text)), of, baseline);
}

async function passes(text: string, baseline?: EvaluationResult): Promise<boolean[]> {
  return (await judged(text, baseline)).map(({ passed }) => passed);
}

describe('a gate', () => {
  it('lets through what reaches its limits, to the last digit', async () => {
    expect(await passes('metrics: { AP: 0.4, AP50: { min: 0.6, max: 0.61 } }')).toEqual([true, true]);
    expect(await passes('metrics: { AP: 0.4000001, AP50: { max: 0.6 } }')).toEqual([false, false]);
  });

  it('says what was found, and where chance decides', async () => {
    const [below, above] = await judged('metrics: { AP: 0.42, AP50: 0.2 }');
    expect(below?.message).toBe('AP 0.4 is below 0.42 (95 % interval 0.37 to 0.43: more pictures would tell for sure)');
    expect(above?.message).toBe('AP50 0.61 reaches 0.2');
  });

  it('does not let through what is not known', async () => {
    const verdicts = await judged('metrics: { mAP: 0.1, APs: 0 }');
    expect(verdicts.map(({ passed, value }) => [passed, value])).toEqual([
      [false, null],
      [false, null],
    ]);
    expect(verdicts[0]?.message).toMatch(/the results have AP, AP50, APs/);
    expect(verdicts[1]?.message).toMatch(/nothing to count/);
    expect((await judged('metrics: { constructor: 0 }'))[0]?.message).toMatch(/the results have AP, AP50, APs/);
    const bare = { ...results, model: undefined, latencyMs: undefined };
    expect((await judged('latencyMs: { p95: 1 }\nmodelBytes: 1 MB', undefined, bare)).map(({ passed }) => passed)).toEqual([
      false,
      false,
    ]);
  });

  it('looks at the worst class, and at the worst slice of those with enough pictures', async () => {
    const [ofClass, slice] = await judged('classes: { AP50: 0.31 }\nslices: { AP: 0.28 }');
    expect(ofClass).toMatchObject({ passed: false, value: 0.3 });
    expect(ofClass?.message).toMatch(/worst class, dog: 0.3 is below 0.31/);
    expect(slice).toMatchObject({ passed: true, value: 0.28 });
    const [few] = await judged('slices: { AP: 0.28, pictures: 3 }');
    expect(few).toMatchObject({ passed: false, value: 0 });
    const [none] = await judged('slices: { AP: 0.28, pictures: 300 }');
    expect(none?.message).toMatch(/no slice with enough pictures has it/);
  });

  it('limits times and the size of the model', async () => {
    expect(await passes('latencyMs: { p95: 40, p99: { max: 59 } }\nmodelBytes: 4 MB')).toEqual([true, false, true]);
    expect(await passes('modelBytes: 3.9 MB')).toEqual([false]);
    expect(await passes('modelBytes: { min: 1 MiB, max: 4 MiB }')).toEqual([true]);
  });

  it('limits what is lost against a baseline, in the unit of the metric or as a part', async () => {
    const baseline = { ...results, metrics: { AP: 0.41, AP50: 0.6 } };
    expect(await passes('maxDrop: { AP: 0.01, AP50: 0 }', baseline)).toEqual([true, true]);
    expect(await passes('maxDrop: { AP: 0.0099 }', baseline)).toEqual([false]);
    expect(await passes('maxDrop: { AP: 2.4% }', baseline)).toEqual([false]);
    expect(await passes('maxDrop: { AP: 2.5% }', baseline)).toEqual([true]);
    const [verdict] = await judged('maxDrop: { AP: 0.02 }', baseline);
    expect(verdict?.message).toMatch(/went from 0.41 to 0.4: 0.01 less, 0.02 less is allowed; it lies within the noise/);
    const [now, before] = [0.6, 0.5].map((logLoss) => ({ ...results, metrics: { logLoss } }));
    expect((await judged('maxDrop: { logLoss: 0.05 }', before, now))[0]).toMatchObject({
      passed: false,
      message: 'logLoss went from 0.5 to 0.6: 0.1 more, 0.05 more is allowed',
    });
    expect((await judged('maxDrop: { logLoss: 0 }', now, before))[0]).toMatchObject({ passed: true });
    const rules = await readGate(write('maxDrop: { AP: 0.01 }'));
    expectFailure(
      thrownBy(() => judge(rules, results, undefined)),
      'INVALID_ARGUMENT',
      /a baseline/,
      /--baseline/,
    );
    const others = [
      { ...baseline, dataset: { ...results.dataset, sha256: 'other' } },
      { ...baseline, dataset: { ...results.dataset, images: 99 } },
      { ...baseline, task: 'segment' as const },
    ];
    for (const other of others)
      expectFailure(
        thrownBy(() => judge(rules, results, other)),
        'INVALID_ARGUMENT',
        /same pictures/,
      );
  });

  it('names a baseline from its own folder on', async () => {
    expect((await readGate(write('maxDrop: { AP: 1% }\nbaseline: a/results.json'))).baseline).toBe(
      join(folder, 'a/results.json'),
    );
  });

  it.each<[string, string, RegExp]>([
    ['no YAML', 'metrics: {', /line \d: it is no YAML/],
    ['a name without a limit', 'metrics: { AP, AP50: 1 }', /line 1: expected a limit for AP/],
    ['a section without limits', '{ metrics, modelBytes: 1 }', /line 1: expected a limit for metrics/],
    ['bytes of what has none', 'metrics: { AP: 5 MB }', /expected a number, received "5 MB"/],
    ['an unknown unit', 'modelBytes: 5 mb', /MB.*received "5 mb"/],
    ['less than one picture', 'slices: { AP: 0, pictures: -1 }', /how many pictures.*received -1/],
    ['a list', '- AP', /line 1: expected some of metrics/],
    ['nothing', '', /line 1: expected some of metrics/],
    ['no limit', 'metrics: {}', /would let everything through/],
    ['an unknown section', 'metrics:\n  AP: 1\nmetric: 2', /line 3: expected one of .*received "metric"/],
    ['an unknown side', 'metrics:\n  AP: { minimum: 1 }', /line 2: expected one of min, max/],
    ['an unknown time', 'latencyMs:\n  p90: 1', /line 2: expected one of mean, p50/],
    ['a word for a number', 'metrics:\n  AP: good', /line 2: expected a number, received "good"/],
    ['no side', 'metrics: { AP: {} }', /expected min, max or both/],
    ['crossed sides', 'metrics: { AP: { min: 2, max: 1 } }', /min that is not above max/],
    ['a list of limits', 'metrics: [1]', /names and limits for metrics/],
    ['a gain to be lost', 'maxDrop: { AP: -1 }', /how much may be lost/],
    ['a baseline that is none', 'maxDrop: { AP: 1 }\nbaseline: 3', /line 2: expected the path of results/],
    ['not a number', 'metrics: { AP: .nan }', /expected a number/],
    ['a name twice', 'metrics:\n  AP: 1\n  AP: 2', /line 3: it is no YAML/],
  ])('is refused with %s, by its line', async (_, text, message) => {
    const error = await rejectionOf(readGate(write(text)));
    expectFailure(error, 'INVALID_ARGUMENT', message, /./);
  });

  it('is told to be missing', async () => {
    expectFailure(await rejectionOf(readGate(join(folder, 'none.yaml'))), 'INVALID_ARGUMENT', /Cannot read the gate/, /YAML/);
  });
});
