import { native, settle, type NativeTrackingParts } from '../binding/index.js';
import { checkOneOf, checkOptions, checkSignal, FoveateError, createError, invalidArgument } from '../errors/index.js';
import { checkTrackedObjects, type TrackedObjects } from './tracked-objects.js';
import { summarizeSequence, summarizeTogether } from './tracking-summary.js';

/** A video: what is in it, and what a tracker found. */
export interface TrackingSequence {
  /** Each sequence has its own. */
  readonly name: string;
  readonly truth: TrackedObjects;
  readonly found: TrackedObjects;
}

const trackingRules = ['trackeval', 'py-motmetrics'] as const;
/** Whose definitions of CLEAR MOT and of identity are followed. HOTA has one. */
export type TrackingRules = (typeof trackingRules)[number];

export const trackingBenchmarks = ['MOT15', 'MOT16', 'MOT17', 'MOT20'] as const;
export type TrackingBenchmark = (typeof trackingBenchmarks)[number];

export interface EvaluateTrackingOptions {
  /**
   * `trackeval` (the default), as MOTChallenge's own evaluation; `py-motmetrics` gives the numbers of that package with SciPy's solver,
   * NaN or -Infinity where it divides by 0 (in JSON: null).
   */
  readonly rules?: TrackingRules | undefined;
  /**
   * Prepares the rows by the rules of a MOTChallenge, for which truth needs classes: of truth only pedestrians count, and what is found on a
   * person on a vehicle, a static person, a distractor or a reflection (MOT20: or another vehicle) is taken out. MOT15 has no such
   * rules. By default all rows count, whatever their class; in either case truth with a confidence of 0 does not.
   */
  readonly benchmark?: TrackingBenchmark | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Boxes that are paired frame by frame, at an IoU of at least 0.5. */
export interface ClearMetrics {
  /** 1 less false negatives, false positives and switches, as a share of truth's boxes: at most 1, without a lower bound. */
  readonly mota: number;
  /** Mean IoU of true positives, 0 to 1. py-motmetrics prints a distance: 1 less this. */
  readonly motp: number;
  readonly recall: number;
  readonly precision: number;
  /** Boxes of truth with a partner, switches included. */
  readonly truePositives: number;
  readonly falseNegatives: number;
  readonly falsePositives: number;
  /** Boxes whose track was paired with another track before. */
  readonly switches: number;
  /** How often tracks that were followed were lost, and followed again. */
  readonly fragmentations: number;
  /** Tracks of truth with a partner in more than 80 % of their boxes (py-motmetrics: at least 80 %). */
  readonly mostlyTracked: number;
  readonly partlyTracked: number;
  /** In less than 20 %. */
  readonly mostlyLost: number;
}

/** Boxes under the best one-to-one pairing of whole tracks, at an IoU of at least 0.5. */
export interface IdentityMetrics {
  readonly idf1: number;
  /** Precision. */
  readonly idp: number;
  /** Recall. */
  readonly idr: number;
  readonly truePositives: number;
  readonly falseNegatives: number;
  readonly falsePositives: number;
}

/** HOTA and its parts, 0 to 1. */
export interface HotaValues {
  readonly hota: number;
  /** Detection: accuracy, recall, precision. */
  readonly detA: number;
  readonly detRe: number;
  readonly detPr: number;
  /** Association: accuracy, recall, precision. */
  readonly assA: number;
  readonly assRe: number;
  readonly assPr: number;
  /** Localisation: mean IoU of true positives, 1 where there are none. */
  readonly locA: number;
}

/** At one threshold of IoU. */
export interface HotaThreshold extends HotaValues {
  /** Alpha. */
  readonly threshold: number;
  readonly truePositives: number;
  readonly falseNegatives: number;
  readonly falsePositives: number;
}

/** Means over the thresholds, and each of them. */
export interface HotaMetrics extends HotaValues {
  /** 0.05, 0.1, ..., 0.95. */
  readonly thresholds: readonly HotaThreshold[];
}

export interface TrackingSummary {
  /** What was counted, after rows were taken out. */
  readonly truthBoxes: number;
  readonly foundBoxes: number;
  readonly truthTracks: number;
  readonly foundTracks: number;
  readonly clear: ClearMetrics;
  readonly identity: IdentityMetrics;
  readonly hota: HotaMetrics;
}

/** Plain data, ready for JSON. */
export interface TrackingMetrics {
  readonly rules: TrackingRules;
  readonly benchmark: TrackingBenchmark | undefined;
  /** In the order given. */
  readonly sequences: readonly (TrackingSummary & { readonly name: string })[];
  /** All together, as TrackEval combines them: counts are summed up, in the order of names. */
  readonly combined: TrackingSummary;
}

/**
 * HOTA, CLEAR MOT (MOTA, MOTP) and identity (IDF1) of what a tracker found, per sequence and together: the numbers of TrackEval, or on request
 * of py-motmetrics (docs/metrics.md tells where they differ). Sequences are read when it is their turn, on threads of the core: leave the
 * arrays alone until the call has settled.
 *
 * Rejects with INVALID_ARGUMENT (such as an id twice in a frame), UNKNOWN_OPTION, ABORTED, OUT_OF_MEMORY.
 */
export async function evaluateTracking(
  sequences: readonly TrackingSequence[],
  options: EvaluateTrackingOptions = {},
): Promise<TrackingMetrics> {
  checkOptions('options of evaluateTracking', options, ['rules', 'benchmark', 'signal']);
  const rules = options.rules === undefined ? 'trackeval' : checkOneOf('rules', options.rules, trackingRules);
  const { benchmark, signal } = options;
  if (benchmark !== undefined) checkOneOf('benchmark', benchmark, trackingBenchmarks);
  checkSignal(signal);
  checkSequences(sequences, benchmark);

  const parts = await measureAll(sequences, { rules, benchmark: preparationOf(benchmark) }, signal);
  const inOrderOfNames = sequences.map((sequence, i) => ({ name: sequence.name, parts: parts[i]! }));
  inOrderOfNames.sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    rules,
    benchmark,
    sequences: sequences.map(({ name }, i) => ({ name, ...summarizeSequence(parts[i]!, rules) })),
    combined: summarizeTogether(
      inOrderOfNames.map((entry) => entry.parts),
      rules,
    ),
  };
}

type Preparation = 'none' | 'mot17' | 'mot20';

function preparationOf(benchmark: TrackingBenchmark | undefined): Preparation {
  switch (benchmark) {
    case undefined:
    case 'MOT15':
      return 'none';
    case 'MOT16':
    case 'MOT17':
      return 'mot17';
    case 'MOT20':
      return 'mot20';
  }
}

function checkSequences(sequences: unknown, benchmark: TrackingBenchmark | undefined): void {
  if (!Array.isArray(sequences) || sequences.length === 0) {
    throw invalidArgument('sequences', 'an array of at least one sequence', sequences);
  }
  const names = new Set<string>();
  (sequences as readonly Partial<TrackingSequence>[]).forEach((sequence, i) => {
    const place = `sequences[${i}]`;
    if (sequence === null || typeof sequence !== 'object') throw invalidArgument(place, 'a sequence', sequence);
    const { name } = sequence;
    if (typeof name !== 'string' || name === '') throw invalidArgument(`${place}.name`, 'a name', name);
    if (names.has(name)) throw invalidArgument(`${place}.name`, 'a name that no other sequence has', name);
    names.add(name);
    const truth = checkTrackedObjects(`${place}.truth`, sequence.truth);
    checkTrackedObjects(`${place}.found`, sequence.found);
    if (preparationOf(benchmark) === 'none' || truth.classes !== undefined) return;
    throw invalidArgument(
      `${place}.truth.classes`,
      `classes, which ${benchmark} needs,`,
      undefined,
      'A gt.txt with nine columns has them. Leave the benchmark out to have all rows counted.',
    );
  });
}

/** As many at a time as there are lanes, so that no more inputs are copied; the first failure keeps the rest from starting. */
async function measureAll(
  sequences: readonly TrackingSequence[],
  options: { readonly rules: TrackingRules; readonly benchmark: Preparation },
  signal: AbortSignal | undefined,
): Promise<NativeTrackingParts[]> {
  const results: NativeTrackingParts[] = [];
  let next = 0;
  let isFailed = false;
  const work = async (): Promise<void> => {
    while (next < sequences.length && !isFailed) {
      const place = next++;
      const { name, truth, found } = sequences[place]!;
      try {
        results[place] = await settle((operation) => native().trackingMeasure(truth, found, options, operation), signal);
      } catch (error) {
        isFailed = true;
        throw inSequence(error, name);
      }
    }
  };
  await Promise.all(Array.from({ length: native().visionLanes() }, work));
  return results;
}

/** The same error, with the sequence that it is about. */
function inSequence(error: unknown, sequence: string): unknown {
  if (!(error instanceof FoveateError) || error.code !== 'INVALID_ARGUMENT') return error;
  const { code, message, hint, details } = error;
  return createError(code, {
    message: `Sequence ${JSON.stringify(sequence)}: ${message}`,
    hint,
    details: { ...details, sequence },
  });
}
