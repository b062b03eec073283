/** How fast a model is, over a sweep of batches, lanes and threads. */
import { basename } from 'node:path';

import { aborted, native, packageVersion } from '../binding/index.js';
import { sha256OfModel } from '../engine/index.js';
import { AbortedError, ArgumentError, FoveateError, invalidArgument } from '../errors/index.js';
import { modelPath } from '../graph/index.js';
import { thisMachine } from '../optimize/machine.js';
import { createSession, type Session } from '../session/index.js';
import { loadTask } from '../tasks/index.js';
import { checkedBenchOptions, placesOf, turnOrder, type BenchOptions, type CheckedBenchOptions } from './bench-options.js';
import { usablePictures, type UsablePictures } from './bench-pictures.js';
import { benchSchema, cellOf, type BenchReport, type CellWindow, type FailedCell } from './bench-report.js';
import { measureWindow, warmUp } from './bench-window.js';
import { findingsOf } from './findings.js';
import { openPictureWorkload } from './picture-workload.js';
import { checkShapeNames, fixedBatch, inputShape, openTensorWorkload } from './tensor-workload.js';
import type { CellPlace, Workload } from './workload.js';

/** Windows of warming up last about so long. */
const warmUpMs = 100;
/** Warming up is given up after so long, once three windows were measured. */
const mostWarmUpMs = 2000;
/** Calls of a window for each that is in flight, however slow they are. */
const leastCallsEach = 3;

/** What was learned by opening the model once. */
interface Look {
  readonly runtime: Session['runtime'];
  readonly batch: readonly number[];
  readonly shapes: BenchReport['settings']['shapes'];
  readonly pictures: UsablePictures | undefined;
}

/**
 * Measures a model in closed loops: for each batch, number of lanes and number of threads, so many calls are in flight all the time. The cells take turns, in another order in each round, and
 * each turn opens the model anew, warms it up until three windows agree (for two seconds at most, or three windows), and then counts. So what drifts on the machine shows as variation of a
 * cell, not as a difference between cells.
 *
 *     const { cells, findings } = await benchModel('model.onnx', { batch: [1, 8], lanes: [1, 2] });
 *     console.log(findings[0]?.words);
 *
 * A cell that has too little memory, or whose batch the model does not take, is told in `failed`. Aborted once something was measured, it resolves with that, as `interrupted`.
 * Rejects as `createSession` or `loadTask` and their calls, and with INVALID_ARGUMENT, UNKNOWN_OPTION, ABORTED.
 */
export async function benchModel(model: string | URL, options: BenchOptions = {}): Promise<BenchReport> {
  return await benchChecked(model, checkedBenchOptions(options));
}

/** As {@link benchModel}, with options that were checked. */
export async function benchChecked(model: string | URL, checked: CheckedBenchOptions): Promise<BenchReport> {
  const path = modelPath('model', model);
  const { signal, rounds, durationMs, seed } = checked;
  if (signal?.aborted) throw aborted(signal);
  const made = new Date().toISOString();
  const sha256 = await sha256OfModel(path, signal);
  const look = await lookAt(path, checked);
  const places = placesOf(look.batch, checked);
  const sweep = new Sweep(path, places, checked, look);
  const interrupted = !(await sweep.run());
  const machine = { ...thisMachine(look.runtime, undefined), pictureLanes: native().visionLanes() };
  const cells = places.flatMap((place, i) => {
    const windows = sweep.windows[i] as CellWindow[];
    return windows.length === 0 || sweep.failed.has(i) ? [] : [cellOf(place, sweep.inFlight(place), windows, machine)];
  });
  return {
    ...benchSchema,
    ...{ foveate: packageVersion, made, interrupted },
    model: { name: basename(path), sha256 },
    machine,
    settings: {
      input: look.pictures === undefined ? 'tensors' : 'pictures',
      device: checked.open.device ?? 'auto',
      shapes: look.shapes,
      pictures: look.pictures === undefined ? null : countsOf(look.pictures),
      inFlight: checked.inFlight ?? null,
    },
    ...{ rounds, durationMs, seed, cells },
    failed: [...sweep.failed].sort(([a], [b]) => a - b).map(([, failed]) => failed),
    findings: findingsOf(cells, machine),
  };
}

function countsOf({ pictures, leftOut, sha256 }: UsablePictures): BenchReport['settings']['pictures'] {
  return { count: pictures.length, leftOut, sha256 };
}

async function lookAt(path: string, checked: CheckedBenchOptions): Promise<Look> {
  const { open, signal, pictures } = checked;
  if (pictures !== undefined) {
    await using task = await loadTask(path, { ...open, signal });
    const { session } = task;
    const batch = batchOf(session, checked);
    return { runtime: session.runtime, batch, shapes: {}, pictures: await usablePictures(task, pictures, signal) };
  }
  await using session = await createSession(path, { ...open, signal });
  checkShapeNames(session.inputs, checked.shapes);
  const shapes = Object.fromEntries(session.inputs.map((input) => [input.name, inputShape(input, 1, checked.shapes).slice(1)]));
  return { runtime: session.runtime, batch: batchOf(session, checked), shapes, pictures: undefined };
}

/** Throws INVALID_ARGUMENT where the model was exported with another batch than is asked for. */
function batchOf({ inputs }: Session, { batch, defaultBatch }: CheckedBenchOptions): readonly number[] {
  const fixed = fixedBatch(inputs);
  if (fixed === undefined) return batch ?? defaultBatch;
  if (batch !== undefined && (batch.length > 1 || batch[0] !== fixed)) {
    throw invalidArgument(
      'batch',
      `${fixed}, which the model was exported with,`,
      batch,
      'Leave batch out, or export the model with a dynamic batch dimension.',
    );
  }
  return [fixed];
}

/** The turns of all cells. */
class Sweep {
  /** By the place of the cell. */
  readonly windows: readonly CellWindow[][];
  readonly failed = new Map<number, FailedCell>();
  readonly #failures: unknown[] = [];
  readonly #path: string;
  readonly #places: readonly CellPlace[];
  readonly #options: CheckedBenchOptions;
  readonly #look: Look;

  constructor(path: string, places: readonly CellPlace[], options: CheckedBenchOptions, look: Look) {
    this.#path = path;
    this.#places = places;
    this.#options = options;
    this.#look = look;
    this.windows = places.map(() => []);
  }

  inFlight({ lanes }: CellPlace): number {
    return this.#options.inFlight ?? lanes + this.#options.waiting;
  }

  /** Whether it came to its end: false where it was aborted after something was measured. */
  async run(): Promise<boolean> {
    const { rounds, signal, onProgress } = this.#options;
    let done = 0;
    try {
      for (let round = 0; round < rounds; round++) {
        for (const place of turnOrder(this.#places.length, round)) {
          if (!this.failed.has(place)) await this.#turn(place);
          onProgress?.(++done, rounds * this.#places.length);
        }
      }
    } catch (error) {
      if (!(error instanceof AbortedError) || signal?.aborted !== true) throw error;
      if (this.windows.every((windows) => windows.length === 0)) throw error;
      return false;
    }
    if (this.failed.size === this.#places.length) throw this.#failures[0];
    return true;
  }

  async #turn(place: number): Promise<void> {
    const cell = this.#places[place] as CellPlace;
    try {
      (this.windows[place] as CellWindow[]).push(await this.#measure(cell));
    } catch (error) {
      if (!isOfOneCell(error)) throw error;
      this.failed.set(place, { ...cell, error: { code: error.code, message: error.message } });
      this.#failures.push(error);
    }
  }

  async #measure(place: CellPlace): Promise<CellWindow> {
    const { signal, durationMs, rounds } = this.#options;
    const rssBefore = process.memoryUsage.rss();
    await using workload = await this.#open(place);
    const inFlight = this.inFlight(place);
    const throughputOf = async (): Promise<number> => {
      const { items, seconds } = await measureWindow(workload, { inFlight, durationMs: warmUpMs, leastCalls: inFlight, signal });
      return items / seconds;
    };
    const settled = await warmUp(throughputOf, mostWarmUpMs);
    const window = await measureWindow(workload, {
      ...{ inFlight, durationMs: durationMs / rounds, leastCalls: leastCallsEach * inFlight, signal },
    });
    return { window, settled, device: workload.device, rssBefore };
  }

  #open(place: CellPlace): Promise<Workload> {
    const { open, shapes, seed, signal } = this.#options;
    if (this.#look.pictures === undefined) {
      return openTensorWorkload(this.#path, place, { session: { ...open, signal }, shapes, seed });
    }
    return openPictureWorkload(this.#path, place, { task: open, pictures: this.#look.pictures.pictures, signal });
  }
}

/** What says something of one place of the sweep, and not of all. */
function isOfOneCell(error: unknown): error is FoveateError {
  if (!(error instanceof FoveateError)) return false;
  const { code } = error;
  return (error instanceof ArgumentError && code === 'TENSOR_SHAPE') || code === 'OUT_OF_MEMORY' || code === 'CUDA_OUT_OF_MEMORY';
}
