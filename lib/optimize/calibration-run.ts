/** Runs pictures through a model and lets an observer see its tensors. */
import { native } from '../binding/index.js';
import { sha256OfFile } from '../engine/file-hash.js';
import type { FoveateError } from '../errors/index.js';
import { MediaError } from '../errors/index.js';
import type { Preprocess } from '../image/index.js';
import type { CalibratedPicture, TensorObserver } from '../precision/index.js';
import type { Session } from '../session/index.js';
import { lookOf } from './picture-look.js';

/** Pictures after which memory that waits for the next of the same size goes back to the system: no two need be of one size. */
const trimmedAfter = 8;

export interface CalibrationRunInit {
  /** Of the model with its tensors as outputs. */
  readonly session: Session;
  readonly preprocess: Preprocess;
  readonly observer: TensorObserver;
  /** In the order in which they are taken. */
  readonly paths: readonly string[];
  /** Those that the observer has seen already, in the order of their numbers. */
  readonly seen: readonly CalibratedPicture[];
  readonly pixelLimit: number | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onPicture: (pictures: number) => void;
  readonly onSkipped: (path: string, error: FoveateError) => void;
}

/** Pictures on their way through a model, as many at a time as it has lanes, and one that is made ready. */
export class CalibrationRun {
  /** What the observer has seen, in the order of its numbers. */
  readonly pictures: CalibratedPicture[];
  /** Files that cannot be read, or hold no picture. */
  unreadable = 0;
  readonly #init: CalibrationRunInit;
  readonly #known: Set<string>;
  #next = 0;
  #underWay = 0;
  #failed = false;
  #observed: number;

  constructor(init: CalibrationRunInit) {
    this.#init = init;
    this.pictures = [...init.seen];
    this.#observed = init.seen.length;
    this.#known = new Set(init.seen.map(({ sha256 }) => sha256));
  }

  /**
   * Takes pictures until there are `count`, no more are left, `deadline` (of `performance.now()`) is over, or the signal is aborted: what has begun
   * then is ended, so that the observer has seen whole pictures only. Rejects as running the model does, once what has begun is done.
   */
  async advance(count: number, deadline: number): Promise<void> {
    const places = this.#init.session.lanes + 1;
    const settled = await Promise.allSettled(Array.from({ length: places }, () => this.#work(count, deadline)));
    for (const outcome of settled) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Whether there are pictures that were not tried. */
  get exhausted(): boolean {
    return this.#next >= this.#init.paths.length;
  }

  async #work(count: number, deadline: number): Promise<void> {
    const { paths, signal } = this.#init;
    const mayGoOn = (): boolean => !this.#failed && performance.now() < deadline && signal?.aborted !== true;
    while (this.pictures.length + this.#underWay < count && mayGoOn()) {
      const path = paths[this.#next++];
      if (path === undefined) return;
      this.#underWay++;
      try {
        await this.#take(path);
      } catch (error) {
        if (signal?.aborted) return;
        this.#skip(path, error);
      } finally {
        this.#underWay--;
      }
    }
  }

  #skip(path: string, error: unknown): void {
    try {
      if (!(error instanceof MediaError)) throw error;
      this.unreadable++;
      this.#init.onSkipped(path, error);
    } catch (reason) {
      this.#failed = true;
      throw reason;
    }
  }

  async #take(path: string): Promise<void> {
    const { session, preprocess, observer, pixelLimit, signal, onPicture } = this.#init;
    const sha256 = await hashOf(path, signal);
    if (this.#known.has(sha256)) return;
    const picture = await preprocess.run(path, { pixelLimit, signal });
    using tensor = picture.tensor;
    const look = lookOf(picture, preprocess.options);
    const number = this.pictures.push({ sha256, ...look }) - 1;
    this.#underWay--; // it is among the pictures now
    try {
      const [{ name }] = session.inputs as [Session['inputs'][number]];
      // Not with the signal: a picture of which some tensors were seen could not be taken back.
      await session.observe({ [name]: tensor.reshape([1, ...tensor.dims]) }, observer, { picture: number });
    } finally {
      this.#underWay++;
    }
    onPicture(++this.#observed);
    if (this.#observed % trimmedAfter === 0) native().memoryTrim();
  }
}

async function hashOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await sha256OfFile(path, signal);
  } catch (cause) {
    throw new MediaError('MEDIA_NOT_FOUND', {
      message: `Cannot read the picture ${path}: ${(cause as Error).message}`,
      hint: 'Check that it is there and may be read.',
      details: { path },
      cause,
    });
  }
}
