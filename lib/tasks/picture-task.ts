import { toBatchable, type AnyBatchable, type ToBatchable } from '../batching/index.js';
import type { PreprocessSource } from '../declared/index.js';
import type { BundledTask, DeviceChoice } from '../engine/index.js';
import { constructedDirectly } from '../errors/index.js';
import type { Preprocess } from '../image/index.js';
import type { Degraded, Session } from '../session/index.js';
import type { PictureJob } from './picture-run.js';
import { TaskBatchable, type TaskRequest, type TaskResults } from './task-batchable.js';
import { TaskModel } from './task-model.js';
import type { TaskRunOptions } from './task-options.js';

/** What all tasks have in common: a model, the way pictures become its input, and an end. */
export abstract class PictureTask<Result = unknown, Options extends TaskRunOptions = TaskRunOptions>
  implements AsyncDisposable, ToBatchable<TaskRequest<Options>, TaskResults<Result>>
{
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

  /** What runs the model: another one where a device is lost, or is back, and where an engine was built in the background. The one before is closed then, so it is not to be kept. */
  get session(): Session {
    return this.model.session;
  }

  /** Where the next picture is run. */
  get device(): DeviceChoice['device'] {
    return this.model.choice.device;
  }

  /** Why there. */
  get deviceReason(): string {
    return this.model.choice.reason;
  }

  /** Why the device that 'auto' chose does not serve, or did not serve a call; undefined while it does. */
  get degraded(): Degraded | undefined {
    return this.model.degraded;
  }

  /** With `build: 'background'` where an engine is built: settles, and never rejects, when that has taken over or could not be built. Else undefined, as where there is no GPU. */
  get building(): Promise<void> | undefined {
    return this.model.building;
  }

  /**
   * What the model's graph tells of its outputs.
   * @internal
   */
  get graphOutputs(): BundledTask['outputs'] {
    return this.model.graphOutputs;
  }

  /**
   * What becomes of each picture of a call with these options.
   * @internal
   */
  abstract job(options: Options): PictureJob<Result>;

  /** What a `DynamicBatcher` makes batches of. */
  [toBatchable](): AnyBatchable<TaskRequest<Options>, TaskResults<Result>> {
    const { model, preprocess } = this;
    return new TaskBatchable({ model, preprocess, job: (options: Options) => this.job(options) });
  }

  /** Waits for calls in flight and frees the model. Idempotent. */
  dispose(): Promise<void> {
    return this.model.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
