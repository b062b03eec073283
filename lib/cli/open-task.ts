import { loadTask, type LoadTaskOptions, type Task } from '../tasks/index.js';
import { BuildBar } from './build-bar.js';

/** Devices that engines may run on, as far as is known before one is looked for. */
const engineDevices: readonly LoadTaskOptions['device'][] = [undefined, 'auto', 'tensorrt', 'tensorrt-rtx'];

/** Opens a model for pictures as verbs do: where a device of TensorRT has no engine of it yet, one is built first, and that is shown unless `quiet`. */
export async function openTask(model: string, options: LoadTaskOptions, quiet: boolean): Promise<Task> {
  if (!engineDevices.includes(options.device)) return await loadTask(model, options);
  // What is built in the background has no place among what else is shown.
  const bar = new BuildBar(!quiet && options.build !== 'background');
  try {
    return await loadTask(model, { build: 'on-load', ...options, onBuildProgress: (progress) => bar.show(progress) });
  } finally {
    bar.stop();
  }
}
