import {
  ArgumentError,
  checkBoolean,
  checkInteger,
  checkNumber,
  checkOneOf,
  invalidArgument,
  ModelError,
} from '../../errors/index.js';
import type { ModelSource, Session } from '../../session/index.js';
import { sessionOptionNames } from '../../session/index.js';
import type { LoadTaskOptions } from '../../tasks/index.js';
import { sessionOptionsOf } from '../../tasks/task-options.js';
import { measureAgreement, type Agreement } from '../agreement.js';
import { comparedPictures } from './compare-pictures.js';
import { pictureInputs, randomInputs, type ComparedInputs } from './compared-inputs.js';
import { ComparedSide, type Optimization } from './compared-side.js';
import { openTasks } from './compared-tasks.js';
import { correspondingValues } from './corresponding-values.js';
import { isQuantized } from './graph-values.js';
import { accountOfLayers } from './layer-account.js';
import type { ComparedLayers, ComparedOutput, ModelComparison } from './model-comparison.js';
import { pairedOutputs } from './paired-outputs.js';
import { ValueWalk, type NamedPair, type ValueSource, type WalkOutcome } from './value-walk.js';
import { isBeyond, verdictsOf, type CompareLimits } from './verdicts.js';

/** How two models are compared; besides, how both are opened: as for `loadTask`. */
export interface CompareModelsOptions extends LoadTaskOptions {
  /** A folder of pictures, or paths of pictures. Without it, `random`. */
  readonly data?: string | URL | readonly string[] | undefined;
  /** How many pictures of `data`, spread over all, or random inputs. Default 8. */
  readonly pictures?: number | undefined;
  /** Inputs of random numbers, for models that take no pictures: values are compared, results are not. */
  readonly random?: boolean | undefined;
  /** Of the random inputs: an integer from 0 to 2^32 - 1. Default 0. */
  readonly seed?: number | undefined;
  /** Lowest signal to noise ratio of an output, in dB; the first layer below it is the one that diverges. Default 10, which INT8 holds; none with `tolerance` or `same`. */
  readonly minSnr?: number | undefined;
  /** Largest difference of two elements of an output, as a part of the largest magnitude in A's. Default: any. */
  readonly tolerance?: number | undefined;
  /** How far top-1 agreement, recall, precision, mean IoU or median cosine may be from 1, or a relative error from 0. Default 0.1; with `same` 0. */
  readonly maxDelta?: number | undefined;
  /** The models should be the same: a tolerance of 1e-5, and the same results. */
  readonly same?: boolean | undefined;
  /** How the layers are run: 'disabled', the default, as they stand in the graph; 'all' as shipped, where fused ones cannot be seen. */
  readonly layerOptimization?: Optimization | undefined;
  /** Bytes of values, of both models together, that are held at once. Default 256 MB. The models themselves come on top. */
  readonly memoryLimit?: number | undefined;
  /** Told after each run of both models, and each picture whose results were compared. The total may grow. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const ownOptions = [
  ...['data', 'pictures', 'random', 'seed', 'minSnr', 'tolerance', 'maxDelta', 'same'],
  ...['layerOptimization', 'memoryLimit', 'onProgress'],
] as const;

const defaultMinSnr = 10;
const defaultMaxDelta = 0.1;
const sameTolerance = 1e-5;
const defaultMemoryLimit = 256 * 2 ** 20;

/**
 * Compares two models on the same pictures: the values within, layer by layer, the outputs, and what they find. B is usually made from A: quantized,
 * optimized, exported anew.
 *
 *     const { layers, passed } = await compareModels('yolov8n.onnx', 'yolov8n.int8.onnx', { data: 'pictures/' });
 *     console.log(layers.firstDiverging?.node, passed);
 *
 * Each model prepares pictures in its own way. Values are paired by name, see docs/compare.md. Layers are run without optimizations, outputs and results as
 * shipped. However many pictures there are, no value outlives its picture.
 *
 * Rejects with INVALID_ARGUMENT, UNKNOWN_OPTION, MODEL_UNSUPPORTED where nothing of both can be compared, as `loadTask` for A, MEDIA_NOT_FOUND and the like for
 * pictures, ENGINE_FAILED, ABORTED.
 */
export async function compareModels(
  a: ModelSource,
  b: ModelSource,
  options: CompareModelsOptions = {},
): Promise<ModelComparison> {
  const { own, forTask } = checkedOptions(options);
  const { signal } = options;
  const sides = {
    a: await ComparedSide.open(a, sessionOptionsOf(forTask)),
    b: await ComparedSide.open(b, sessionOptionsOf(forTask)),
  };
  const progress = new CompareProgress(options.onProgress);
  const notices: string[] = [];
  let agreement: Agreement | undefined;
  let inputs: ComparedInputs;
  if (own.data === undefined) {
    inputs = randomInputs(sides.a.model.inputs, sides.b.model.inputs, own.pictures, own.seed);
  } else {
    let pictures = await comparedPictures(own.data, own.pictures);
    await using opened = await openTasks(sides.a, sides.b, forTask);
    notices.push(...opened.notices);
    if (opened.tasks !== undefined) {
      progress.plan(pictures.length);
      const onProgress = (): void => progress.step();
      agreement = await measureAgreement(opened.tasks.a, opened.tasks.b, pictures, { signal, onProgress });
      const unread = new Map(agreement.failures.map(({ picture, message }) => [picture, message]));
      for (const message of unread.values()) notices.push(`A picture was left out: ${message}`);
      pictures = pictures.filter((path) => !unread.has(path));
    }
    if (pictures.length === 0) throw invalidArgument('data', 'at least one picture that can be read', own.data);
    inputs = pictureInputs(pictures, opened.a, opened.b);
  }
  const walk = { inputs, memoryLimit: own.memoryLimit, signal, progress };
  const outputs = await compareOutputs(sides, walk, notices);
  const layers = await compareLayers(sides, walk, own);
  const verdicts = verdictsOf(outputs, agreement, own.limits);
  if (outputs.every(({ difference }) => difference === undefined) && verdicts.length === 0 && layers.compared.length === 0) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: 'Expected two models that have something in common but no output, layer or result of them can be compared',
      hint: 'B should be made from A, or be another export of the same model.',
    });
  }
  if (verdicts.length === 0) notices.push('No output and no result could be held against a limit: only layers were compared.');
  notices.push(...nonFiniteNotices(outputs, layers));
  return {
    a: { name: sides.a.name, quantized: isQuantized(sides.a.model.graph) },
    b: { name: sides.b.name, quantized: isQuantized(sides.b.model.graph) },
    inputs: { kind: own.data === undefined ? 'random' : 'pictures', count: inputs.count },
    outputs,
    layers,
    agreement,
    verdicts,
    passed: verdicts.every(({ passed }) => passed),
    notices,
  };
}

interface CheckedOptions {
  readonly data: CompareModelsOptions['data'];
  readonly pictures: number;
  readonly seed: number;
  readonly limits: CompareLimits;
  readonly layerOptimization: Optimization;
  readonly memoryLimit: number;
}

function checkedOptions(options: CompareModelsOptions): { own: CheckedOptions; forTask: LoadTaskOptions } {
  const isOwn = (name: string): boolean => (ownOptions as readonly string[]).includes(name);
  const forTask = Object.fromEntries(Object.entries(options).filter(([name]) => !isOwn(name))) as LoadTaskOptions;
  const { data, random = false, same = false, minSnr, tolerance, maxDelta } = options;
  checkBoolean('random', random);
  checkBoolean('same', same);
  if ((data === undefined) === !random) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected data or random but received ${random ? 'both' : 'neither'}`,
      hint: 'Models that take pictures are compared on pictures: name a folder. Others take random numbers.',
    });
  }
  if (random) {
    const first = Object.keys(forTask).find((name) => !(sessionOptionNames as readonly string[]).includes(name));
    if (first !== undefined) {
      throw new ArgumentError('UNKNOWN_OPTION', {
        message: `The option ${first} is for pictures, and changes nothing for random inputs`,
        hint: 'Leave it out.',
        details: { option: first },
      });
    }
  }
  if (minSnr !== undefined) checkNumber('minSnr', minSnr, -100, 400);
  if (tolerance !== undefined) checkNumber('tolerance', tolerance, 0, 1e6);
  if (maxDelta !== undefined) checkNumber('maxDelta', maxDelta, 0, 2);
  const own = {
    data,
    pictures: checkInteger('pictures', options.pictures ?? 8, 1),
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
    limits: {
      minSnr: minSnr ?? (same || tolerance !== undefined ? undefined : defaultMinSnr),
      tolerance: tolerance ?? (same ? sameTolerance : undefined),
      maxDelta: maxDelta ?? (same ? 0 : defaultMaxDelta),
    },
    layerOptimization: checkOneOf('layerOptimization', options.layerOptimization ?? 'disabled', ['disabled', 'all']),
    memoryLimit: checkInteger('memoryLimit', options.memoryLimit ?? defaultMemoryLimit, 1),
  };
  return { own, forTask };
}

interface Sides {
  readonly a: ComparedSide;
  readonly b: ComparedSide;
}

interface SharedWalk {
  readonly inputs: ComparedInputs;
  readonly memoryLimit: number;
  readonly signal: AbortSignal | undefined;
  readonly progress: CompareProgress;
}

/** Both models as they are shipped. */
async function compareOutputs(sides: Sides, walk: SharedWalk, notices: string[]): Promise<ComparedOutput[]> {
  const { pairs, onlyA, onlyB } = pairedOutputs(sides.a.model.graph, sides.b.model.graph);
  for (const [side, names] of [['A', onlyA] as const, ['B', onlyB] as const]) {
    if (names.length > 0) notices.push(`Only ${side} has the ${names.length === 1 ? 'output' : 'outputs'} ${listed(names)}.`);
  }
  const shipped = (side: ComparedSide): ValueSource => ({
    open: () => side.openShipped(),
    describe: () => Promise.resolve(side.outputs),
  });
  const outcomes = await walkOver(pairs, shipped(sides.a), shipped(sides.b), walk, false);
  return pairs.map(({ a, b }, i) => {
    const outcome = outcomes[i] as WalkOutcome;
    if ('message' in outcome) notices.push(`The output ${JSON.stringify(a)} cannot be compared: ${outcome.message}.`);
    return { name: a, nameInB: b, difference: 'difference' in outcome ? outcome.difference : undefined };
  });
}

async function compareLayers(
  sides: Sides,
  walk: SharedWalk,
  { layerOptimization, limits }: CheckedOptions,
): Promise<ComparedLayers> {
  const graphs = { a: sides.a.model.graph, b: sides.b.model.graph };
  const corresponding = correspondingValues(graphs.a, graphs.b, layerOptimization === 'all');
  const tapped = (side: ComparedSide): ValueSource => ({
    open: (names) => side.openTapped(names, layerOptimization),
    describe: async (names, sizes) => describedBy(await side.openTapped(names, 'disabled', sizes)),
  });
  const pairs = corresponding.pairs.map(({ a, b }) => ({ a: a.name, b }));
  const outcomes = await walkOver(pairs, tapped(sides.a), tapped(sides.b), walk, true);
  return accountOfLayers(graphs.a, corresponding, outcomes, layerOptimization, (difference) => isBeyond(difference, limits));
}

function walkOver(
  pairs: readonly NamedPair[],
  a: ValueSource,
  b: ValueSource,
  { progress, ...shared }: SharedWalk,
  floatsOnly: boolean,
): Promise<readonly WalkOutcome[]> {
  const told = { onPlanned: (runs: number) => progress.plan(runs), onRun: () => progress.step() };
  return new ValueWalk({ ...shared, ...told, a, b, floatsOnly }).run(pairs);
}

async function describedBy(session: Session): Promise<Session['outputs']> {
  await session.dispose();
  return session.outputs;
}

/** What is not finite in A is A's own, and hides what B does there. */
function nonFiniteNotices(outputs: readonly ComparedOutput[], { compared }: ComparedLayers): string[] {
  const first = compared.find(({ nonFinite }) => nonFinite.a > 0);
  if (first !== undefined) {
    return [
      `A itself is not finite in ${first.nonFinite.a} elements of ${first.operator} ${JSON.stringify(first.node)} for the first time.`,
    ];
  }
  const output = outputs.find(({ difference }) => (difference?.nonFinite.a ?? 0) > 0);
  return output === undefined ? [] : [`A itself has elements that are not finite in the output ${JSON.stringify(output.name)}.`];
}

function listed(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}

/** Adds up the work of all that is compared. */
class CompareProgress {
  readonly #tell: ((done: number, total: number) => void) | undefined;
  #done = 0;
  #total = 0;

  constructor(tell: ((done: number, total: number) => void) | undefined) {
    this.#tell = tell;
  }

  plan(steps: number): void {
    this.#total += steps;
  }

  step(): void {
    this.#tell?.(++this.#done, this.#total);
  }
}
