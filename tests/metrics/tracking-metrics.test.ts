/** evaluateTracking: what it takes, what it refuses, and what does not change its numbers. The numbers: tracking-reference.test.ts. */
import { describe, expect, it } from 'vitest';

import { native } from '../../lib/binding/index.js';
import { evaluateTracking, type EvaluateTrackingOptions, type TrackedObjects } from '../../lib/metrics/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { sequenceRows, trackedObjects, type TrackRow } from './tracks.js';

const { truth, found } = sequenceRows({ seed: 4 });
const sides = { truth: trackedObjects(truth), found: trackedObjects(found) };
const one = { name: 'one', ...sides };
const evaluateOne = async (change: Partial<typeof sides>, options: EvaluateTrackingOptions = {}) =>
  (await evaluateTracking([{ ...one, ...change }], options)).combined;

describe('evaluateTracking', () => {
  it('gives plain data, in the order of the sequences given', async () => {
    const metrics = await evaluateTracking([
      { name: 'z', ...sides },
      { name: 'a', truth: sides.truth, found: sides.truth },
    ]);
    expect(metrics.sequences.map(({ name }) => name)).toEqual(['z', 'a']);
    expect(metrics.sequences[1]!.clear.mota).toBe(1);
    expect(metrics.sequences[1]!.hota.hota).toBe(1);
    expect(metrics.combined.truthBoxes).toBe(2 * truth.length);
    expect(JSON.parse(JSON.stringify(metrics))).toEqual({ ...metrics, benchmark: undefined });
    expect(metrics.combined.hota.thresholds.map(({ threshold }) => Number(threshold.toFixed(2)))).toEqual(
      Array.from({ length: 19 }, (_, i) => ((i + 1) * 5) / 100),
    );
  });

  it('sums up in the order of names, whatever the order given', async () => {
    const sequences = Array.from({ length: 7 }, (_, i) => {
      const rows = sequenceRows({ seed: 60 + i, jitter: 5 });
      return { name: `s${(i * 5) % 7}`, truth: trackedObjects(rows.truth), found: trackedObjects(rows.found) };
    });
    const forwards = await evaluateTracking(sequences);
    const backwards = await evaluateTracking(sequences.toReversed());
    expect(backwards.combined).toEqual(forwards.combined);
  });

  it('follows frames, in whatever order the rows are', async () => {
    const byTrack = (rows: readonly TrackRow[]): TrackedObjects =>
      trackedObjects(rows.toSorted((a, b) => b[1]! - a[1]! || b[0]! - a[0]!));
    expect(await evaluateOne({ truth: byTrack(truth), found: byTrack(found) })).toEqual(await evaluateOne({}));
  });

  it('does not look at classes without a benchmark, and at no confidence of what was found', async () => {
    const other = {
      ...sides.found,
      classes: sides.found.classes!.map(() => 3),
      confidences: sides.found.confidences!.map(() => 0),
    };
    expect(await evaluateOne({ found: other }, { benchmark: 'MOT15' })).toEqual(await evaluateOne({}));
    const { frames, ids, boxes } = sides.truth;
    expect(await evaluateOne({ truth: { frames, ids, boxes } })).toEqual(await evaluateOne({}));
  });

  it('takes an option that is undefined for left out', async () => {
    expect(await evaluateOne({}, { rules: undefined, benchmark: undefined, signal: undefined })).toEqual(await evaluateOne({}));
  });

  it('gives NaN where py-motmetrics divides by 0, which is null in JSON', async () => {
    const nothing = trackedObjects([]);
    const { clear, identity } = await evaluateOne({ truth: nothing, found: nothing }, { rules: 'py-motmetrics' });
    expect([clear.mota, identity.idf1]).toEqual([NaN, NaN]);
    expect(JSON.stringify(clear)).toMatch(/"mota":null/);
  });

  const changed = (change: object): object[] => [{ ...one, found: { ...sides.found, ...change } }];
  it.each([
    ['no array', {}, /an array of at least one sequence/],
    ['no sequence', [], /an array of at least one sequence/],
    ['null', [null], /a sequence for sequences\[0\] but received null/],
    ['no name', [{ ...one, name: '' }], /a name for sequences\[0\].name/],
    ['a name twice', [one, one], /sequences\[1\].name but received "one"/],
    ['no truth', [{ ...one, truth: undefined }], /sequences\[0\].truth but received undefined/],
    ['other arrays', changed({ boxes: new Float32Array(4) }), /a Float64Array for sequences\[0\].found.boxes/],
    ['plain arrays', changed({ ids: [1] }), /an Int32Array for sequences\[0\].found.ids but received \[1\]/],
    [
      'too few boxes',
      changed({ boxes: new Float64Array(8) }),
      /^Expected 208 numbers for sequences\[0\].found.boxes but received 8$/,
    ],
    [
      'too many classes',
      changed({ classes: new Int32Array(999) }),
      /^Expected 52 numbers for sequences\[0\].found.classes but received 999$/,
    ],
  ])('refuses %s', async (_, sequences, message) => {
    expectFailure(await rejectionOf(evaluateTracking(sequences as never)), 'INVALID_ARGUMENT', message);
  });

  it('refuses what cannot be in a sequence, and names it', async () => {
    const twice = trackedObjects([...found, found[0]!]);
    const error = await rejectionOf(
      evaluateTracking([
        { ...one, name: 'good' },
        { ...one, found: twice },
      ]),
    );
    expectFailure(error, 'INVALID_ARGUMENT', /^Sequence "one": What was found has id \d+ twice in frame 1$/, /id of its own/);
    expect(error.details).toEqual({ sequence: 'one' });
  });

  it('refuses benchmarks without their classes, and options that there are not', async () => {
    const classless = { ...sides.truth, classes: undefined };
    const rejection = (change: Partial<typeof sides>, options: object) => rejectionOf(evaluateOne(change, options));
    expectFailure(
      await rejection({ truth: classless }, { benchmark: 'MOT17' }),
      'INVALID_ARGUMENT',
      /classes, which MOT17 needs, for sequences\[0\].truth.classes/,
      /nine columns/,
    );
    const cars = { ...sides.found, classes: sides.found.classes!.map(() => 3) };
    expectFailure(await rejection({ found: cars }, { benchmark: 'MOT20' }), 'INVALID_ARGUMENT', /What was found has class 3/);
    expectFailure(await rejection({}, { benchmark: 'MOT71' }), 'INVALID_ARGUMENT', /benchmark/, /"MOT\d\d"/);
    expectFailure(await rejection({}, { rules: 'motmetrics' }), 'INVALID_ARGUMENT', /rules/, /"py-motmetrics"/);
    expectFailure(await rejection({}, { treshold: 0.5 }), 'UNKNOWN_OPTION', /"treshold"/);
    expectFailure(await rejection({}, { signal: 1 }), 'INVALID_ARGUMENT', /signal/);
  });

  it('stops when it is aborted, before and during', async () => {
    expectFailure(await rejectionOf(evaluateOne({}, { signal: AbortSignal.abort() })), 'ABORTED', /aborted/);
    const large = sequenceRows({ seed: 1, objects: 100, frames: 400, area: 100 });
    const sequence = { name: 'large', truth: trackedObjects(large.truth), found: trackedObjects(large.found) };
    const controller = new AbortController();
    const evaluation = rejectionOf(evaluateTracking([sequence], { signal: controller.signal }));
    setImmediate(() => controller.abort('enough'));
    const error = await evaluation;
    expectFailure(error, 'ABORTED', /aborted/);
    expect(error.cause).toBe('enough');
  });
});

describe('trackingMeasure', () => {
  it('reads no further than its arrays', () => {
    const options = { benchmark: 'none', rules: 'trackeval' } as const;
    const call = (change: object) => () => native().trackingMeasure({ ...sides.truth, ...change }, sides.found, options);
    for (const change of [
      { ids: new Int32Array(1) },
      { boxes: new Float64Array(1) },
      { confidences: new Float64Array(1) },
      { classes: new Int32Array(1) },
    ]) {
      expect(call(change)).toThrow(/equally many rows/);
    }
    const classless = { ...sides.truth, classes: undefined };
    expect(() => native().trackingMeasure(classless, sides.found, { ...options, benchmark: 'mot17' })).toThrow(
      /classes of truth/,
    );
  });
});
