/** What the models of a comparison are for, and how pictures become their inputs. */
import { ArgumentError, ModelError } from '../../errors/index.js';
import type { Preprocess, PreprocessOptions } from '../../image/index.js';
import {
  Classifier,
  DensePredictor,
  Detector,
  Embedder,
  loadTask,
  Segmenter,
  type LoadTaskOptions,
  type PreprocessSource,
  type Task,
  type TaskName,
} from '../../tasks/index.js';
import { ModelInput } from '../../tasks/model-input.js';
import { isDType } from '../../tensor/index.js';
import type { PictureSide } from './compared-inputs.js';
import type { ComparedSide } from './compared-side.js';

/** Both models, opened for what they are for. */
export interface ComparedTasks extends AsyncDisposable {
  /** Undefined where that is not clear; then only their values are compared. */
  readonly tasks: { readonly a: Task; readonly b: Task } | undefined;
  readonly a: PictureSide;
  readonly b: PictureSide;
  /** What whoever reads the numbers should know. */
  readonly notices: readonly string[];
}

/** A model as far as it is known what it is for. */
interface Opened {
  readonly side: PictureSide;
  /** Whether the model itself, a file beside it or the caller tells how pictures are prepared, or it is what such models usually want. */
  readonly isDeclared: boolean;
  readonly task: Task | undefined;
}

/**
 * Opens both. Each prepares pictures in its own way; one that does not tell how takes it from the other, in the type and layout of its own input. What A is
 * for B is too, where B does not tell.
 *
 * Rejects as `loadTask` for A; with MODEL_UNSUPPORTED for a B that takes no pictures.
 */
export async function openTasks(a: ComparedSide, b: ComparedSide, options: LoadTaskOptions): Promise<ComparedTasks> {
  const notices: string[] = [];
  let first: Opened | undefined;
  let second: Opened | undefined;
  try {
    first = await openFirst(a, options, notices);
    second = await openSecond(b, first, options, notices);
    if (!first.isDeclared && second.isDeclared && first.task !== undefined && canFit(second.side.preprocess, a)) {
      const preprocess = fitted(second.side.preprocess, a);
      await first.task.dispose();
      first = openedOf(a, await loadTask(a.source, { ...options, ...sameTask(first.task), preprocess }));
      notices.push('A does not tell how pictures are prepared: it is given what B tells.');
    }
    const difference = differingOptions(first.side.preprocess.options, second.side.preprocess.options);
    if (difference.length > 0) {
      notices.push(`The models prepare pictures differently: ${difference.join(', ')}. Differences of values may come of that.`);
    }
    const [one, other] = [first.task, second.task];
    return {
      tasks: one === undefined || other === undefined ? undefined : { a: one, b: other },
      a: first.side,
      b: second.side,
      notices,
      [Symbol.asyncDispose]: async () => {
        await one?.dispose();
        await other?.dispose();
      },
    };
  } catch (error) {
    await first?.task?.dispose();
    await second?.task?.dispose();
    throw error;
  }
}

async function openFirst(a: ComparedSide, options: LoadTaskOptions, notices: string[]): Promise<Opened> {
  try {
    return openedOf(a, await loadTask(a.source, options));
  } catch (error) {
    // Told how pictures are prepared, values can be compared whatever the model is for.
    if (!(error instanceof ModelError) || options.preprocess === undefined || options.task !== undefined) throw error;
    notices.push(`What the models are for is not clear, so that results are not compared: ${error.message}.`);
    const preprocess = inputOf(a).preprocess(options.preprocess, 'imagenet', {});
    return { side: pictureSide(a, preprocess), isDeclared: true, task: undefined };
  }
}

async function openSecond(b: ComparedSide, first: Opened, options: LoadTaskOptions, notices: string[]): Promise<Opened> {
  const withSame = (): LoadTaskOptions => ({
    ...options,
    ...(first.task === undefined ? {} : sameTask(first.task)),
    preprocess: fitted(first.side.preprocess, b),
  });
  if (first.task === undefined) {
    return { side: pictureSide(b, fitted(first.side.preprocess, b)), isDeclared: true, task: undefined };
  }
  let task: Task;
  try {
    task = await loadTask(b.source, { ...options, ...sameTask(first.task) });
  } catch (error) {
    if (!(error instanceof ModelError || error instanceof ArgumentError)) throw error;
    try {
      task = await loadTask(b.source, withSame());
    } catch (reason) {
      if (!(reason instanceof ModelError || reason instanceof ArgumentError)) throw reason;
      notices.push(`B cannot be opened for what A is for, so that results are not compared: ${reason.message}.`);
      return { side: pictureSide(b, fitted(first.side.preprocess, b)), isDeclared: false, task: undefined };
    }
  }
  const opened = openedOf(b, task);
  if (opened.isDeclared || !first.isDeclared || !canFit(first.side.preprocess, b)) return opened;
  await task.dispose();
  notices.push('B does not tell how pictures are prepared: it is given what A tells.');
  return openedOf(b, await loadTask(b.source, withSame()));
}

function openedOf(side: ComparedSide, task: Task): Opened {
  return { side: pictureSide(side, task.preprocess), isDeclared: isDeclared(task.preprocessSource), task };
}

/** A preset and what is usual are guesses. */
function isDeclared(source: PreprocessSource): boolean {
  return source !== 'task' && !source.startsWith('preset ');
}

/** What a task is called as an option, and for detectors the head. */
function sameTask(task: Task): Pick<LoadTaskOptions, 'task' | 'head'> {
  return task instanceof Detector ? { task: 'detect', head: task.head } : { task: taskNameOf(task) };
}

export function taskNameOf(task: Task): TaskName {
  if (task instanceof Detector) return 'detect';
  if (task instanceof Classifier) return 'classify';
  if (task instanceof Segmenter) return 'segment';
  return task instanceof DensePredictor ? 'dense' : task instanceof Embedder ? 'embed' : ('' as never);
}

function pictureSide(side: ComparedSide, preprocess: Preprocess): PictureSide {
  const { name, batch } = inputOf(side);
  return { input: name, batch: batch ?? 1, preprocess };
}

function inputOf({ model }: ComparedSide): ModelInput {
  const infos = model.inputs.map(({ name, dtype, shape }) => {
    if (!isDType(dtype)) {
      throw new ModelError('MODEL_UNSUPPORTED', { message: `The input ${JSON.stringify(name)} is of ${dtype}` });
    }
    return { name, dtype, shape: shape ?? [] };
  });
  return ModelInput.of(infos, model.metadata);
}

/** Whether the preparation of one model tells that of another: where the first takes pixels as they are, it does not tell what a float input wants. */
function canFit({ options }: Preprocess, side: ComparedSide): boolean {
  return !isInteger(options.dtype) || isInteger(inputOf(side).dtype);
}

/** The same pictures for another input: its layout and type, and for integers the pixels as they are. Throws MODEL_UNSUPPORTED where that is not told. */
function fitted(preprocess: Preprocess, side: ComparedSide): Preprocess {
  const { options } = preprocess;
  const input = inputOf(side);
  if (!canFit(preprocess, side)) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `The one model takes pixels as they are, and the input ${JSON.stringify(input.name)} of ${side.name} floating point numbers, which it does not tell how to make`,
      hint: "Say so with the option preprocess, such as { preprocess: 'imagenet' }.",
    });
  }
  const kept: Partial<PreprocessOptions> = Object.fromEntries(
    Object.entries(options).filter(([name]) => {
      if (name === 'layout' || name === 'dtype') return false;
      return !isValue(name) || !isInteger(input.dtype);
    }),
  );
  return input.preprocess(kept, 'imagenet', {});
}

function isInteger(dtype: string): boolean {
  return dtype === 'uint8' || dtype === 'int8';
}

function isValue(name: string): boolean {
  return name === 'scale' || name === 'mean' || name === 'std';
}

/** Names of the options in which two ways to prepare a picture differ, those left out that follow from the type and layout of the input. */
function differingOptions(a: PreprocessOptions, b: PreprocessOptions): string[] {
  const follow = isInteger(a.dtype) === isInteger(b.dtype) ? ['layout', 'dtype'] : ['layout', 'dtype', 'scale', 'mean', 'std'];
  return (Object.keys(a) as (keyof PreprocessOptions)[]).filter(
    (name) => !follow.includes(name) && JSON.stringify(a[name]) !== JSON.stringify(b[name]),
  );
}
