import type { PreprocessSource } from '../declared/index.js';
import type { BundledTask } from '../engine/index.js';
import { constructedDirectly } from '../errors/index.js';
import type { Preprocess } from '../image/index.js';
import type { Session } from '../session/index.js';
import { TaskModel } from './task-model.js';

/** What all tasks have in common: a model, the way pictures become its input, and an end. */
export abstract class PictureTask implements AsyncDisposable {
  readonly preprocess: Preprocess;
  /** Where the preprocessing came from. */
  readonly preprocessSource: PreprocessSource;
  /** @internal */
  protected readonly model: TaskModel;

  /** @internal */
  protected constructor(model: TaskModel, preprocess: Preprocess, preprocessSource: PreprocessSource) {
    if (!(model instanceof TaskModel)) throw constructedDirectly(new.target.name, `${new.target.name}.load(model)`);
    this.preprocess = preprocess;
    this.preprocessSource = preprocessSource;
    this.model = model;
  }

  /** What runs the model. */
  get session(): Session {
    return this.model.session;
  }

  /**
   * What the model's graph tells of its outputs.
   * @internal
   */
  get graphOutputs(): BundledTask['outputs'] {
    return this.model.graphOutputs;
  }

  /** Waits for calls in flight and frees the model. Idempotent. */
  dispose(): Promise<void> {
    return this.model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
