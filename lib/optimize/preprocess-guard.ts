/** Whether pictures become the input that the model was trained on: by what it declares, and by how it reacts. */
import { FoveateError } from '../errors/index.js';
import { presets, type Preprocess, type PreprocessOptions } from '../image/index.js';
import type { CalibrationDoubt } from '../precision/index.js';
import type { ModelSource } from '../session/index.js';
import { Classifier, Detector, loadTask, type LoadTaskOptions, type PreprocessSource, type Task } from '../tasks/index.js';
import { contrastWords, isBetter, isClearlyBetter, reactionOf, type Reaction } from './model-reaction.js';

/** What is looked at: it takes a run of the model for each, two for detectors. */
const pictures = 8;
/** By these, most detectors are known to be right. */
const firstPictures = 4;
/** A detector that finds so many of its objects again is right, and nothing else can be clearly better. */
const goodConsistency = 0.6;
/** Of the values between which pixels come to lie. */
const sameValue = 0.02;

type Values = Pick<PreprocessOptions, 'scale' | 'mean' | 'std' | 'color'>;

const plain = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
/** Ranges that models are trained on. */
const usual: readonly Omit<Values, 'color'>[] = [
  { scale: 1, ...plain },
  { scale: 1 / 255, ...plain },
  { scale: 1, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] },
  { scale: presets.imagenet.scale, mean: presets.imagenet.mean, std: presets.imagenet.std },
];

export interface PreprocessCheck {
  readonly model: ModelSource;
  /** The task that is calibrated for. */
  readonly task: Task;
  /** How it was opened. */
  readonly options: LoadTaskOptions;
  /** Of pictures that can be read. */
  readonly paths: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Compares the range of values and the order of channels with what the model declares, and with how it reacts to others. What is only usual for such a
 * model counts where the model reacts better to it. Rejects as running the model does.
 */
export async function preprocessDoubts(check: PreprocessCheck): Promise<CalibrationDoubt[]> {
  const given = check.task.preprocess.options;
  const probe = new ReactionProbe(check);
  const recorded = check.options.preprocess === undefined ? undefined : await recordedPreprocess(check);
  if (recorded !== undefined && differenceWords(given, recorded.options) !== undefined) {
    const message = await recordedDoubt(given, recorded, check.task, probe);
    if (message !== undefined) return [{ code: 'OTHER_PREPROCESSING', message }];
  }
  if (check.task instanceof Detector && isGood(await probe.given(firstPictures))) return [];
  const reaction = await probe.given();
  if (reaction === undefined || isGood(reaction)) return [];
  for (const values of variantsOf(given)) {
    const other = await probe.of(values);
    if (other === undefined || !isClearlyBetter(other, reaction)) continue;
    return [
      {
        code: 'DOUBTFUL_PREPROCESSING',
        message: `The preprocessing does not seem to be the model's: with ${differenceWords(given, values)}, ${contrastWords(other, reaction)}. Check how it was trained.`,
      },
    ];
  }
  return [];
}

function isGood(reaction: Reaction | undefined): boolean {
  if (reaction?.kind !== 'consistency') return false;
  return reaction.values.reduce((sum, value) => sum + value, 0) > goodConsistency * reaction.values.length;
}

interface Recorded {
  readonly options: PreprocessOptions;
  readonly source: PreprocessSource;
}

/** What the task would take by itself; undefined where it would not know either. */
async function recordedPreprocess({ model, options, signal }: PreprocessCheck): Promise<Recorded | undefined> {
  try {
    await using task = await loadTask(model, { ...options, preprocess: undefined, signal });
    return { options: task.preprocess.options, source: task.preprocessSource };
  } catch (error) {
    // Its preprocessing has to be named, or a file beside it is damaged, which naming it passes over.
    const unknown = error instanceof FoveateError && ['MODEL_AMBIGUOUS', 'PREPROCESS_INVALID'].includes(error.code);
    if (unknown) return undefined;
    throw error;
  }
}

/** What is told of preprocessing that differs from the recorded one; undefined where the model is at home with it. */
async function recordedDoubt(
  given: PreprocessOptions,
  { options, source }: Recorded,
  task: Task,
  probe: ReactionProbe,
): Promise<string | undefined> {
  const difference = differenceWords(given, options) as string;
  const [now, then] = [await probe.given(), await probe.of(options)];
  const measured = now !== undefined && then !== undefined;
  const isDeclared = !source.startsWith('preset') && source !== 'task';
  // The head of a detector tells its family, and each family has one way; a preset for all classifiers is a guess.
  const counts = isDeclared
    ? true
    : task instanceof Detector
      ? !(measured && isClearlyBetter(now, then))
      : task instanceof Classifier && measured && isBetter(then, now);
  if (!counts) return undefined;
  // What only mostly holds is told together with what speaks for it.
  const isTold = measured && (isClearlyBetter(then, now) || (task instanceof Classifier && !isDeclared));
  const confirmed = isTold ? ` With that, ${contrastWords(then, now)}.` : '';
  return `The preprocessing is not the model's own: ${sourceWords(source, task)} ${difference}.${confirmed}`;
}

function sourceWords(source: PreprocessSource, task: Task): string {
  if (source === 'metadata') return 'its metadata tells';
  if (source === 'graph') return 'its first operators expect';
  if (source.startsWith('preset')) {
    return task instanceof Detector ? `its outputs are those of the ${source}, which has` : 'classifiers mostly take';
  }
  return `${source} beside it tells`;
}

/** `BGR instead of RGB, values from 0 to 1 instead of 0 to 255`: what `wanted` has instead of `given`; undefined where they are the same. */
function differenceWords(given: Values, wanted: Values): string | undefined {
  const words: string[] = [];
  if (given.color !== wanted.color) words.push(`${wanted.color.toUpperCase()} instead of ${given.color.toUpperCase()}`);
  const [now, then] = [rangeOf(given), rangeOf(wanted)];
  const tolerance = sameValue * Math.max(...then.map(Math.abs));
  const differs = now.some((value, i) => Math.abs(value - (then[i] as number)) > tolerance);
  if (differs && rangeWords(now) !== rangeWords(then)) {
    words.push(`values from ${rangeWords(then)} instead of ${rangeWords(now)}`);
  } else if (differs && words.length === 0) {
    words.push(
      `mean ${wanted.mean.join(' ')} and std ${wanted.std.join(' ')} instead of ${given.mean.join(' ')} and ${given.std.join(' ')}`,
    );
  }
  return words.length === 0 ? undefined : words.join(' and ');
}

/** Of red, green and blue: the value that black becomes, and white. */
function rangeOf({ scale, mean, std, color }: Values): number[] {
  const channels = color === 'bgr' ? [2, 1, 0] : [0, 1, 2];
  return channels.flatMap((channel) =>
    [0, 255].map((level) => (level * scale - (mean[channel] as number)) / (std[channel] as number)),
  );
}

function rangeWords(values: readonly number[]): string {
  return [Math.min(...values), Math.max(...values)].map((value) => String(Number(value.toPrecision(3)))).join(' to ');
}

/** Other ranges and the other order of channels, those that are the same as given left out. */
function variantsOf(given: PreprocessOptions): Values[] {
  const { color, mean, std, scale } = given;
  const ranges = given.dtype === 'uint8' || given.dtype === 'int8' ? [] : usual.map((values) => ({ ...values, color }));
  return [
    ...ranges.filter((values) => differenceWords(given, values) !== undefined),
    ...(color === 'grey' ? [] : [swapped({ color, mean, std, scale })]),
  ];
}

/** The same values in the other order of channels. */
function swapped({ color, mean, std, scale }: Values): Values {
  const reverse = ([a, b, c]: Values['mean']): Values['mean'] => [c, b, a];
  return { color: color === 'rgb' ? 'bgr' : 'rgb', mean: reverse(mean), std: reverse(std), scale };
}

/** Reactions of the model. That to all pictures is found once, when it is asked for. */
class ReactionProbe {
  readonly #check: PreprocessCheck;
  readonly #paths: readonly string[];
  #given: Promise<Reaction | undefined> | undefined;

  constructor(check: PreprocessCheck) {
    this.#check = check;
    this.#paths = check.paths.slice(0, pictures);
  }

  /** To the preprocessing that is calibrated with, in the first few or in all. */
  given(first = this.#paths.length): Promise<Reaction | undefined> {
    const { task, signal } = this.#check;
    if (first < this.#paths.length) return reactionOf(task, this.#paths.slice(0, first), signal);
    return (this.#given ??= reactionOf(task, this.#paths, signal));
  }

  /** To other values. */
  async of({ scale, mean, std, color }: Values): Promise<Reaction | undefined> {
    const { model, task, options, signal } = this.#check;
    if (!(task instanceof Classifier) && !(task instanceof Detector)) return undefined;
    const preprocess: Preprocess = task.preprocess.with({ scale, mean, std, color });
    await using other = await loadTask(model, { ...options, preprocess, signal });
    return await reactionOf(other, this.#paths, signal);
  }
}
