import { loadTask, type LoadTaskOptions, type Task } from '../tasks/index.js';
import { BuildBar } from './build-bar.js';

/** Devices that engines may run on, as far as is known before one is looked for. */
export const perhapsEngines: readonly LoadTaskOptions['device'][] = [undefined, 'auto', 'tensorrt', 'tensorrt-rtx'];

/** Opens a model for pictures as verbs do: where a device of TensorRT has no engine of it yet, one is built first, and that is shown unless `quiet`. */
export async function openTask(model: string, options: LoadTaskOptions, quiet: boolean): Promise<Task> {
  if (!perhapsEngines.includes(options.device)) return await loadTask(model, options);
  const bar = new BuildBar(!quiet);
  try {
    return await loadTask(model, { build: 'on-load', ...options, onBuildProgress: (progress) => bar.show(progress) });
  } finally {
    bar.stop();
  }
}
