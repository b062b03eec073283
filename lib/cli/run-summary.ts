import type { Task } from '../tasks/index.js';
import type { Invocation } from './invocation.js';
import { formatSeconds } from './progress.js';
import { recognizedLine } from './recognized.js';

/** What a run came to. */
export interface RunCounts {
  readonly done: number;
  readonly failed: number;
  /** Of the run that this one went on with: pictures that it left alone, and those that had been replaced. */
  readonly earlier: { readonly done: number; readonly failed: number; readonly replaced: number };
  /** Files in folders that are not pictures by their names. */
  readonly passedOver: number;
  readonly wallMs: number;
}

/** What a reader wants to know when all is done: how many, how fast, where, what the model was taken for, and whose names these are. */
export function tellSummary(invocation: Invocation, task: Task, counts: RunCounts): void {
  const { done, failed, earlier, passedOver, wallMs } = counts;
  const { device, deviceReason, runtime } = task.session;
  const count = pictures({ done, failed });
  const wall = wallMs < 1000 ? `${wallMs.toFixed(0)} ms` : formatSeconds(wallMs / 1000);
  const each = done === 0 ? '' : `, ${(wallMs / done).toFixed(1)} ms each`;
  invocation.tell(`${count} in ${wall}${each}, on ${device} with ${runtime.name} ${runtime.version}`);
  if (earlier.done > 0) invocation.tell(`Done before: ${pictures(earlier)}.`);
  const { replaced } = earlier;
  if (replaced > 0) invocation.tell(`Done again: ${pictures({ done: replaced, failed: 0 })} that changed since.`);
  if (passedOver > 0) invocation.tell(`Passed over: ${passedOver} other file${passedOver === 1 ? '' : 's'} in the folders.`);
  // The library that comes with foveate runs on the CPU only: there, that it does is no news.
  const expected = device === 'cpu' && !process.env['FOVEATE_ONNXRUNTIME_PATH']; // an empty one counts as unset
  if (deviceReason !== 'asked for' && (!expected || task.degraded !== undefined))
    invocation.tell(`Device ${device}: ${deviceReason}.`);
  invocation.tell(recognizedLine(task));
  const labels = labelNote(task);
  if (labels !== undefined) invocation.tell(labels);
}

function pictures({ done, failed }: { readonly done: number; readonly failed: number }): string {
  return `${done} picture${done === 1 ? '' : 's'}${failed === 0 ? '' : `, ${failed} of them failed`}`;
}

/** Where the names came from, unless the model or the user gave them. */
function labelNote(task: Task): string | undefined {
  if (!('labels' in task)) return undefined;
  const { labels, labelSource } = task;
  if (['option', 'file', 'metadata', 'config'].includes(labelSource)) return undefined;
  if (labelSource === 'numbers') return 'Classes are numbers: the model has no names. --labels FILE gives them.';
  if (labelSource === 'binary') {
    return `Labels: ${labels.join(' and ')}, because the model tells one class from the rest and has no names.`;
  }
  return `Labels: the ${labels.length} names of ${labelSource}, built in, because the model has none.`;
}
