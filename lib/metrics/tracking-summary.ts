/** From counts that can be summed up to the ratios that are read: of one sequence, and of several together. */
import type { NativeTrackingParts } from '../binding/index.js';
import type { HotaThreshold, TrackingRules, TrackingSummary } from './tracking-metrics.js';

const thresholds = Array.from({ length: 19 }, (_, i) => 0.05 + i * 0.05);

/**
 * The summary of one sequence. TrackEval gives one without truth a MOTA of 0, but counts its false positives in the MOTA of all together.
 */
export function summarizeSequence(parts: NativeTrackingParts, rules: TrackingRules): TrackingSummary {
  const summary = summarize(parts, rules);
  return rules === 'trackeval' && parts.truthBoxes === 0 ? { ...summary, clear: { ...summary.clear, mota: 0 } } : summary;
}

/** The summary of several sequences together: counts are summed up, means weighted by their true positives. In this order, as sums are rounded. */
export function summarizeTogether(all: readonly NativeTrackingParts[], rules: TrackingRules): TrackingSummary {
  const sum = (value: (parts: NativeTrackingParts) => number): number => all.reduce((total, parts) => total + value(parts), 0);
  const sumEach = (value: (parts: NativeTrackingParts, a: number) => number): Float64Array =>
    Float64Array.from(thresholds, (_, a) => sum((parts) => value(parts, a)));
  const truePositives = sumEach(({ hota }, a) => hota.truePositives[a]!);
  const weighted = (of: 'association' | 'associationRecall' | 'associationPrecision'): Float64Array =>
    sumEach(({ hota }, a) => hota[of][a]! * hota.truePositives[a]!).map((total, a) => total / Math.max(1, truePositives[a]!));
  const together: NativeTrackingParts = {
    truthBoxes: sum((parts) => parts.truthBoxes),
    foundBoxes: sum((parts) => parts.foundBoxes),
    truthTracks: sum((parts) => parts.truthTracks),
    foundTracks: sum((parts) => parts.foundTracks),
    clear: {
      truePositives: sum(({ clear }) => clear.truePositives),
      falseNegatives: sum(({ clear }) => clear.falseNegatives),
      falsePositives: sum(({ clear }) => clear.falsePositives),
      switches: sum(({ clear }) => clear.switches),
      fragmentations: sum(({ clear }) => clear.fragmentations),
      mostlyTracked: sum(({ clear }) => clear.mostlyTracked),
      partlyTracked: sum(({ clear }) => clear.partlyTracked),
      mostlyLost: sum(({ clear }) => clear.mostlyLost),
      iouSum: sum(({ clear }) => clear.iouSum),
    },
    identity: {
      truePositives: sum(({ identity }) => identity.truePositives),
      falseNegatives: sum(({ identity }) => identity.falseNegatives),
      falsePositives: sum(({ identity }) => identity.falsePositives),
    },
    hota: {
      truePositives,
      falseNegatives: sumEach(({ hota }, a) => hota.falseNegatives[a]!),
      falsePositives: sumEach(({ hota }, a) => hota.falsePositives[a]!),
      association: weighted('association'),
      associationRecall: weighted('associationRecall'),
      associationPrecision: weighted('associationPrecision'),
      localisation: sumEach(({ hota }, a) => hota.localisation[a]! * hota.truePositives[a]!).map(
        (total, a) => Math.max(1e-10, total) / Math.max(1e-10, truePositives[a]!),
      ),
    },
  };
  return summarize(together, rules);
}

function summarize(parts: NativeTrackingParts, rules: TrackingRules): TrackingSummary {
  const { truthBoxes, foundBoxes, truthTracks, foundTracks } = parts;
  const { iouSum, ...clear } = parts.clear;
  const { truePositives, falseNegatives, falsePositives, switches } = clear;
  const identity = parts.identity;
  const ratios =
    rules === 'trackeval'
      ? {
          mota: (truePositives - falsePositives - switches) / Math.max(1, truthBoxes),
          motp: iouSum / Math.max(1, truePositives),
          recall: truePositives / Math.max(1, truthBoxes),
          precision: truePositives / Math.max(1, foundBoxes),
          idf1:
            identity.truePositives /
            Math.max(1, identity.truePositives + 0.5 * identity.falsePositives + 0.5 * identity.falseNegatives),
          idp: identity.truePositives / Math.max(1, foundBoxes),
          idr: identity.truePositives / Math.max(1, truthBoxes),
        }
      : {
          mota: 1 - (falseNegatives + switches + falsePositives) / truthBoxes,
          motp: iouSum / truePositives,
          recall: truePositives / truthBoxes,
          precision: truePositives / foundBoxes,
          idf1: (2 * identity.truePositives) / (truthBoxes + foundBoxes),
          idp: identity.truePositives / foundBoxes,
          idr: identity.truePositives / truthBoxes,
        };
  const { mota, motp, recall, precision, idf1, idp, idr } = ratios;
  return {
    truthBoxes,
    foundBoxes,
    truthTracks,
    foundTracks,
    clear: { mota, motp, recall, precision, ...clear },
    identity: { idf1, idp, idr, ...identity },
    hota: summarizeHota(parts),
  };
}

function summarizeHota({ hota, truthBoxes, foundBoxes }: NativeTrackingParts): TrackingSummary['hota'] {
  const at = thresholds.map((threshold, a): HotaThreshold => {
    const truePositives = hota.truePositives[a]!;
    const falsePositives = hota.falsePositives[a]!;
    const detA = truePositives / Math.max(1, truthBoxes + falsePositives);
    const assA = hota.association[a]!;
    return {
      threshold,
      hota: Math.sqrt(detA * assA),
      detA,
      assA,
      detRe: truePositives / Math.max(1, truthBoxes),
      detPr: truePositives / Math.max(1, foundBoxes),
      assRe: hota.associationRecall[a]!,
      assPr: hota.associationPrecision[a]!,
      locA: hota.localisation[a]!,
      truePositives,
      falseNegatives: hota.falseNegatives[a]!,
      falsePositives,
    };
  });
  const mean = (of: 'hota' | 'detA' | 'assA' | 'detRe' | 'detPr' | 'assRe' | 'assPr' | 'locA'): number =>
    blockSum(at.map((values) => values[of])) / at.length;
  return {
    hota: mean('hota'),
    detA: mean('detA'),
    assA: mean('assA'),
    detRe: mean('detRe'),
    detPr: mean('detPr'),
    assRe: mean('assRe'),
    assPr: mean('assPr'),
    locA: mean('locA'),
    thresholds: at,
  };
}

/** The sum of 8 to 128 numbers in the order of numpy.sum: eight partial sums, then the rest. */
function blockSum(values: readonly number[]): number {
  const inLanes = values.length - (values.length % 8);
  const lanes = new Float64Array(8);
  for (let i = 0; i < inLanes; i++) lanes[i % 8]! += values[i]!;
  const [a, b, c, d, e, f, g, h] = lanes as unknown as [number, number, number, number, number, number, number, number];
  return values.slice(inLanes).reduce((sum, value) => sum + value, a + b + (c + d) + (e + f + (g + h)));
}
