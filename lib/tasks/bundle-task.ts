import type { ModelBundleContent } from '../engine/index.js';
import { Classifier } from './classifier.js';
import { DensePredictor } from './dense-predictor.js';
import { Detector } from './detector.js';
import { Embedder } from './embedder.js';
import type { LoadTaskOptions, Task } from './recognize-task.js';
import { Segmenter } from './segmenter.js';
import type { TaskName } from './task-of-outputs.js';

/** What a model was opened as. */
export function taskNameOf(task: Task): TaskName {
  if (task instanceof Classifier) return 'classify';
  if (task instanceof Detector) return 'detect';
  if (task instanceof Segmenter) return 'segment';
  return task instanceof Embedder ? 'embed' : 'dense';
}

/** Names that nobody gave are made again by whoever opens the bundle. */
const madeUp: readonly string[] = ['binary', 'numbers'];

/**
 * What the bundle of an optimised model is to tell of the model that was optimised, so that whoever opens it has nothing to recognise: its task and how its
 * outputs are read, its preprocessing and its class names. `options` are those that `task` was opened with.
 */
export function bundledTask(
  task: Task,
  options: LoadTaskOptions = {},
): Required<Pick<ModelBundleContent, 'task' | 'preprocess'>> & Pick<ModelBundleContent, 'labels'> {
  const said = Object.entries(readingOf(task, options)).filter(([, value]) => value !== undefined);
  const labels = task instanceof Detector ? task.namedLabels : 'labels' in task ? task.labels : undefined;
  const isGiven = 'labelSource' in task && !madeUp.includes(task.labelSource);
  return {
    task: { name: taskNameOf(task), options: Object.fromEntries(said), outputs: task.graphOutputs },
    preprocess: task.preprocess.options,
    ...(labels !== undefined && isGiven ? { labels } : {}),
  };
}

/** Options that tell how the outputs are read: as they were recognised, else as they were said. */
function readingOf(task: Task, options: LoadTaskOptions): Partial<LoadTaskOptions> {
  if (task instanceof Classifier) return { activation: task.activation };
  if (task instanceof Detector) {
    const { keypoints, rotated, ssd } = options;
    return { head: task.head, keypoints, rotated, ssd };
  }
  if (task instanceof Segmenter) {
    return { activation: task.activation, background: task.background ?? null, layout: options.layout };
  }
  if (task instanceof DensePredictor) {
    return { output: options.output, scaling: task.scaling, interpolation: task.interpolation };
  }
  return { output: options.output, pooling: options.pooling };
}
