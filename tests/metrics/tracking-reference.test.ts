/** Tracking metrics against TrackEval and py-motmetrics; the fixture's form is described in tests/reference/metrics/tracking.py. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';

import {
  evaluateTracking,
  type HotaValues,
  type TrackingBenchmark,
  type TrackingMetrics,
  type TrackingRules,
  type TrackingSummary,
} from '../../lib/metrics/index.js';
import { sequenceRows, trackedObjects, type SequenceParameters, type TrackRow } from './tracks.js';

type Ratio = number | null | '-Infinity';

interface Answer {
  readonly boxes: readonly number[];
  readonly clear: readonly number[];
  readonly ratios: readonly Ratio[];
  readonly identity: readonly number[];
  readonly hota?: readonly number[];
  readonly hotaTp?: readonly number[];
  readonly at?: readonly (readonly number[])[];
}

interface Answers {
  readonly sequences: readonly Answer[];
  readonly combined: Answer;
}

interface Case {
  readonly name: string;
  readonly benchmark: TrackingBenchmark | null;
  readonly sequences: readonly (
    { readonly generated: SequenceParameters } | { readonly truth: readonly TrackRow[]; readonly found: readonly TrackRow[] }
  )[];
  readonly trackeval: Answers;
  readonly motmetrics: Answers;
}

const fixture = join(import.meta.dirname, '../reference/fixtures/metrics/tracking.json.gz');
const { cases } = JSON.parse(gunzipSync(readFileSync(fixture)).toString()) as { readonly cases: readonly Case[] };
const hotaNames = ['hota', 'detA', 'assA', 'detRe', 'detPr', 'assRe', 'assPr', 'locA'] as const satisfies (keyof HotaValues)[];

function evaluate({ benchmark, sequences }: Case, rules: TrackingRules): Promise<TrackingMetrics> {
  const given = sequences.map((sequence, i) => {
    const { truth, found } = 'generated' in sequence ? sequenceRows(sequence.generated) : sequence;
    return { name: `s${i}`, truth: trackedObjects(truth), found: trackedObjects(found) };
  });
  return evaluateTracking(given, { rules, benchmark: benchmark ?? undefined });
}

const valueOf = (ratio: Ratio): number => (ratio === null ? NaN : Number(ratio));
const ratiosOf = ({ clear, identity }: TrackingSummary): readonly number[] => [
  ...[clear.mota, clear.motp, clear.recall, clear.precision],
  ...[identity.idf1, identity.idp, identity.idr],
];

function expectCounts(summary: TrackingSummary, answer: Answer): void {
  const { clear, identity } = summary;
  expect([summary.truthBoxes, summary.foundBoxes]).toEqual(answer.boxes);
  const counts = [clear.truePositives, clear.falseNegatives, clear.falsePositives, clear.switches, clear.fragmentations];
  expect([...counts, clear.mostlyTracked, clear.partlyTracked, clear.mostlyLost]).toEqual(answer.clear);
  expect([identity.truePositives, identity.falseNegatives, identity.falsePositives]).toEqual(answer.identity);
}

/** All of it to the last bit. */
function expectTrackEval(summary: TrackingSummary, answer: Answer): void {
  expectCounts(summary, answer);
  expect(ratiosOf(summary)).toEqual(answer.ratios.map(valueOf));
  expect(hotaNames.map((name) => summary.hota[name])).toEqual(answer.hota);
  expect(summary.hota.thresholds.map((at) => at.truePositives)).toEqual(answer.hotaTp);
  answer.at?.forEach((values, i) => expect(summary.hota.thresholds.map((at) => at[hotaNames[i]!])).toEqual(values));
}

/** All of it to the last bit, but for MOTP, which pandas sums up in an order of its own. */
function expectMotmetrics(summary: TrackingSummary, answer: Answer): void {
  expectCounts(summary, answer);
  const [mota, motp, ...rest] = ratiosOf(summary);
  const [expectedMota, expectedDistance, ...expectedRest] = answer.ratios.map(valueOf);
  expect([mota, ...rest]).toEqual([expectedMota, ...expectedRest]);
  // py-motmetrics weights the MOTP of sequences by their matches, and one without any spoils it for all of them.
  if (!Number.isNaN(expectedDistance)) expect(Math.abs(1 - motp! - expectedDistance!)).toBeLessThan(1e-12);
  else if (summary.clear.truePositives === 0) expect(motp).toBeNaN();
  else expect(motp).toBeGreaterThanOrEqual(0.5);
}

/** Boxes of less than 2e-16 square pixels, which TrackEval takes for none: so do we, under either rules. */
const withoutArea = ['tiny'];

describe('tracking metrics', () => {
  it('are held to more than 200 cases', () => expect(cases.length).toBeGreaterThan(200));

  it.each(cases)('of $name are those of TrackEval', async (one) => {
    const metrics = await evaluate(one, 'trackeval');
    one.trackeval.sequences.forEach((answer, i) => expectTrackEval(metrics.sequences[i]!, answer));
    expectTrackEval(metrics.combined, one.trackeval.combined);
  });

  it.each(cases.filter(({ name }) => !withoutArea.includes(name)))('of $name are those of py-motmetrics', async (one) => {
    const metrics = await evaluate(one, 'py-motmetrics');
    one.motmetrics.sequences.forEach((answer, i) => expectMotmetrics(metrics.sequences[i]!, answer));
    expectMotmetrics(metrics.combined, one.motmetrics.combined);
  });

  // So that the rules are an option for a reason: the fixture has cases in which they differ.
  it.each(['ratios', 'clear', 'identity'] as const)('differ between the two packages in %s', (field) => {
    const differing = cases.filter((one) => String(one.trackeval.combined[field]) !== String(one.motmetrics.combined[field]));
    expect(differing.length).toBeGreaterThan(0);
  });
});
