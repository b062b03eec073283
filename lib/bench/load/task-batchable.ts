import type { Batchable, BatchRun, Seat } from '../../batching/index.js';
import type { Task } from '../../tasks/index.js';
import { runTask } from '../picture-workload.js';

type Results = Awaited<ReturnType<typeof runTask>>;

/** What a picture was found to hold, wrapped, because a batcher adds to it. */
interface PictureAnswer {
  readonly result: Results[number];
}

/** By the place of the picture in the batch. */
type ResultsByPlace = ReadonlyMap<number, Results[number]>;

/** Pictures in, results out: a batch is a call of a task with several pictures. */
export class TaskBatchable implements Batchable<Uint8Array, PictureAnswer, undefined, ResultsByPlace> {
  /** One more than of its session: a batch is prepared while another one is computed. */
  readonly lanes: number;
  readonly mostSamples: number;
  readonly #task: Task;

  constructor(task: Task) {
    this.#task = task;
    this.lanes = task.session.lanes + 1;
    const rows = task.session.inputs[0]?.shape[0];
    this.mostSamples = task.preprocess.shape === undefined ? 1 : typeof rows === 'number' ? rows : Infinity;
  }

  samples(): number {
    return 1;
  }
  group(): string {
    return '';
  }
  slice(picture: Uint8Array): Uint8Array {
    return picture;
  }
  join(answers: readonly PictureAnswer[]): PictureAnswer {
    return answers[0] as PictureAnswer;
  }
  open(): undefined {}
  prepare(): void {}

  async run(
    _arena: undefined,
    seats: readonly Seat<Uint8Array>[],
    signal: AbortSignal | undefined,
  ): Promise<BatchRun<ResultsByPlace>> {
    const results = await runTask(
      this.#task,
      seats.map(({ item }) => item),
      signal,
    );
    const { queueMs, computeMs } = (results[0] as Results[number]).timing;
    return { output: new Map(seats.map(({ place }, i) => [place, results[i] as Results[number]])), queueMs, computeMs };
  }

  finish(_arena: undefined, output: ResultsByPlace, { place }: Seat<Uint8Array>): PictureAnswer {
    return { result: output.get(place) as Results[number] };
  }

  discard(): void {}
  close(): void {}
}
