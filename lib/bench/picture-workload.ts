import type { PictureInput } from '../image/index.js';
import type { Classification, DenseMap, Detections, Embedding, Segmentation } from '../results/index.js';
import { Classifier, DensePredictor, Detector, Embedder, loadTask, type LoadTaskOptions, type Task } from '../tasks/index.js';
import type { ModelSource } from '../session/index.js';
import { noTimes, type CellPlace, type StageTimes, type Workload } from './workload.js';

/** How a model for pictures is opened; how many of it at once is for who measures to say. */
export type BenchTaskOptions = Omit<LoadTaskOptions, 'lanes' | 'threads' | 'batchSize' | 'signal'>;

type TaskResult = Classification | Detections | Segmentation | Embedding | DenseMap;

/** A task that is called with pictures in turn, from their bytes to their results. Rejects as `loadTask` and the task's own call. */
export async function openPictureWorkload(
  model: ModelSource,
  { batch, lanes, threads }: CellPlace,
  {
    task: options,
    pictures,
    signal,
  }: { readonly task: BenchTaskOptions; readonly pictures: readonly PictureInput[]; readonly signal?: AbortSignal | undefined },
): Promise<Workload> {
  const task = await loadTask(model, { ...options, lanes, batchSize: batch, ...(threads !== null && { threads }), signal });
  // Pictures that keep their own size are run one by one, whatever is asked for.
  const runsTogether = task.preprocess.shape !== undefined;
  let next = 0;
  return {
    items: batch,
    device: task.device,
    call: async (callSignal) => {
      const taken = Array.from({ length: batch }, () => pictures[next++ % pictures.length] as PictureInput);
      return stageTimes(await runTask(task, taken, callSignal), runsTogether);
    },
    [Symbol.asyncDispose]: () => task.dispose(),
  };
}

/** Whatever the task gives for these pictures, in their order. Rejects as the task's own call. */
export async function runTask(
  task: Task,
  pictures: readonly PictureInput[],
  signal: AbortSignal | undefined,
): Promise<readonly TaskResult[]> {
  if (task instanceof Detector) return await task.detect(pictures, { signal });
  if (task instanceof Classifier) return await task.classify(pictures, { signal });
  if (task instanceof Embedder) return await task.embed(pictures, { signal });
  return task instanceof DensePredictor ? await task.predict(pictures, { signal }) : await task.segment(pictures, { signal });
}

/** Each picture of a run is told the times of the whole run. */
export function stageTimes(results: readonly TaskResult[], areOneRun: boolean): StageTimes {
  const total = noTimes();
  for (const [i, { timing }] of results.entries()) {
    total.decodeMs += timing.decodeMs;
    total.preprocessMs += timing.preprocessMs;
    total.postprocessMs += timing.postprocessMs;
    if (areOneRun && i > 0) continue;
    total.queueMs += timing.queueMs;
    total.computeMs += timing.computeMs;
    total.transferMs += timing.transferMs;
  }
  return total;
}
