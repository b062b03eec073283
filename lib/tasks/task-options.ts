import { ArgumentError, checkInteger, invalidArgument } from '../errors/index.js';
import type { PictureInput } from '../image/index.js';
import type { LabelsOption } from '../labels/index.js';
import { sessionOptionNames, type SessionOptions } from '../session/index.js';
import type { PreprocessChoice } from './model-input.js';

/** Options that every task takes besides those of its session. */
export interface TaskOptions extends SessionOptions {
  /** A preset, options that change the recognised preprocessing, or a whole {@link Preprocess}. Default: that of the model's bundle, of a file beside it, of its metadata, or a preset for the task: see `preprocessSource`. */
  readonly preprocess?: PreprocessChoice | undefined;
  /** Class names: an array, a record by id, or a file. Default: those of its bundle, the model's own `names`, else those of `config.json` beside it, else a built-in list that fits. */
  readonly labels?: LabelsOption | undefined;
  /** Pictures per run, where the model's batch dimension is free. Default 1: on a CPU a larger batch is not faster per picture. */
  readonly batchSize?: number | undefined;
  /** The default of every call, see {@link TaskRunOptions}. */
  readonly pixelLimit?: number | undefined;
}

/** Those of a task's options that are for its session. */
export function sessionOptionsOf(options: TaskOptions): SessionOptions {
  return Object.fromEntries(Object.entries(options).filter(([name]) => (sessionOptionNames as readonly string[]).includes(name)));
}

export const taskOptionNames = [...sessionOptionNames, 'preprocess', 'labels', 'batchSize', 'pixelLimit'] as const;

/** Refuses class names for a task without classes, which the types refuse already. Throws UNKNOWN_OPTION. */
export function refuseLabels(options: Omit<TaskOptions, 'labels'>, noun: string): void {
  if ((options as TaskOptions).labels === undefined) return;
  throw new ArgumentError('UNKNOWN_OPTION', {
    message: `The option labels is for models with classes, but the model is used as ${noun}`,
    hint: 'Leave it out.',
    details: { option: 'labels' },
  });
}

/** Options of one call. */
export interface TaskRunOptions {
  /** Aborts the call; given to `load`, the loading. */
  readonly signal?: AbortSignal | undefined;
  /** Pictures with more pixels are refused. Default 64 million. */
  readonly pixelLimit?: number | undefined;
  /** What events and the `details` of errors call the call, such as the id of an HTTP request; up to 200 characters. Default: none. */
  readonly requestId?: string | undefined;
}

export const taskRunOptionNames = ['signal', 'pixelLimit', 'requestId'] as const satisfies readonly (keyof TaskRunOptions)[];

/** How `TaskModel.process` is called. */
export interface ProcessOptions extends Pick<TaskRunOptions, 'signal' | 'requestId'> {
  /** Whether the pictures are parts of one, so that errors do not tell which of them failed. Default false. */
  readonly parts?: boolean | undefined;
}

/** Throws INVALID_ARGUMENT. */
export function checkPixelLimit(pixelLimit: number | undefined): void {
  if (pixelLimit !== undefined) checkInteger('pixelLimit', pixelLimit, 1);
}

/** Checks what a task is called with: one picture or several. */
export function pictureList(images: PictureInput | readonly PictureInput[]): readonly PictureInput[] {
  if (Array.isArray(images)) return images as readonly PictureInput[];
  if (images === undefined || images === null) throw invalidArgument('image', 'a picture or an array of pictures', images);
  return [images as PictureInput];
}
