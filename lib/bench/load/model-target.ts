import { basename } from 'node:path';

import { DynamicBatcher, type BatcherStatistics, type DynamicBatcherOptions } from '../../batching/index.js';
import { FoveateError } from '../../errors/index.js';
import { modelPath } from '../../graph/index.js';
import { createSession } from '../../session/index.js';
import { loadTask } from '../../tasks/index.js';
import { usablePictures, type BenchPicture } from '../bench-pictures.js';
import type { BenchTaskOptions } from '../picture-workload.js';
import { checkShapeNames, inputShape, randomInputs, type SampleShapes } from '../tensor-workload.js';
import type { Answer, LoadTarget } from './load-target.js';

/** How a model is served while it is under load. */
export interface LoadModelOptions {
  readonly open: BenchTaskOptions;
  readonly lanes: number;
  readonly threads: number | undefined;
  readonly batcher: DynamicBatcherOptions;
  readonly pictures: readonly BenchPicture[] | undefined;
  readonly shapes: SampleShapes;
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
}

/** How one request is run; gives nothing back, and rejects as the batcher does. */
type Run = (index: number, deadlineMs: number | undefined, signal: AbortSignal | undefined) => Promise<void>;

interface Served {
  readonly device: string;
  /** Runs a request outside the batcher, to warm up. */
  readonly once: () => Promise<void>;
  readonly run: Run;
  readonly statistics: () => BatcherStatistics;
  readonly close: () => Promise<void>;
}

/** The first runs plan their memory, and compile. */
const warmUps = 5;

/** Opens a model behind a `DynamicBatcher`, and runs it a few times. Rejects as `createSession` or `loadTask`, and their first calls. */
export async function openModelTarget(model: string | URL, options: LoadModelOptions): Promise<LoadTarget> {
  const path = modelPath('model', model);
  const served =
    options.pictures === undefined ? await serveTensors(path, options) : await servePictures(path, options.pictures, options);
  try {
    for (let i = 0; i < warmUps; i++) await served.once();
  } catch (error) {
    await served.close();
    throw error;
  }
  return {
    kind: 'model',
    name: basename(path),
    device: served.device,
    send: (index, deadlineMs, signal) => served.run(index, deadlineMs, signal).then(() => good, bad),
    statistics: served.statistics,
    [Symbol.asyncDispose]: served.close,
  };
}

const good: Answer = { isGood: true, label: 'ok' };

function bad(error: unknown): Answer {
  return { isGood: false, label: error instanceof FoveateError ? error.code : String((error as Error)?.name) };
}

async function serveTensors(path: string, options: LoadModelOptions): Promise<Served> {
  const { open, lanes, threads, batcher: batcherOptions, shapes, seed, signal } = options;
  const session = await createSession(path, { ...open, lanes, threads, signal });
  try {
    checkShapeNames(session.inputs, shapes);
    const inputs = randomInputs(session, (info) => inputShape(info, 1, shapes), seed);
    const batcher = new DynamicBatcher(session, batcherOptions);
    return {
      device: session.device,
      once: async () => void (await session.run(inputs, { signal })).dispose(),
      run: async (_index, deadlineMs, requestSignal) =>
        void (await batcher.run(inputs, { deadlineMs, signal: requestSignal })).dispose(),
      statistics: () => batcher.statistics(),
      close: async () => {
        await batcher.dispose({ drain: false });
        await session.dispose();
        for (const tensor of Object.values(inputs)) tensor.dispose();
      },
    };
  } catch (error) {
    await session.dispose();
    throw error;
  }
}

async function servePictures(path: string, given: readonly BenchPicture[], options: LoadModelOptions): Promise<Served> {
  const { open, lanes, threads, batcher: batcherOptions, signal } = options;
  const task = await loadTask(path, { ...open, lanes, threads, signal });
  try {
    const { pictures } = await usablePictures(task, given, signal);
    const batcher = new DynamicBatcher(task, batcherOptions);
    const picture = (index: number): Uint8Array => pictures[index % pictures.length] as Uint8Array;
    return {
      device: task.device,
      once: async () => {},
      run: async (index, deadlineMs, requestSignal) =>
        void (await batcher.run({ images: picture(index) }, { deadlineMs, signal: requestSignal })),
      statistics: () => batcher.statistics(),
      close: async () => {
        await batcher.dispose({ drain: false });
        await task.dispose();
      },
    };
  } catch (error) {
    await task.dispose();
    throw error;
  }
}
