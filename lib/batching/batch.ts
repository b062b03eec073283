import type { AnyBatchable, Seat } from './batchable.js';
import type { BatchRequest } from './call.js';
import type { Clock } from './clock.js';

/** A seat, whose it is, and how it is being prepared. */
export interface TakenSeat<Item, Result extends object> extends Seat<Item> {
  readonly request: BatchRequest<Item, Result>;
  /** Never rejects; undefined where the request was prepared at once. */
  preparing: Promise<void> | undefined;
  preprocessMs: number;
}

/** What a batch needs of its batcher. */
export interface BatchContext<Item, Result extends object> {
  readonly batchable: AnyBatchable<Item, Result>;
  readonly clock: Clock;
  /** A request could not be prepared. */
  failed(request: BatchRequest<Item, Result>, error: unknown): void;
  /** There may be room for another request. */
  schedule(): void;
}

/**
 * Requests that have a seat in one arena. It forms while earlier batches run: each request is prepared as soon as it has its seat. It ends when nothing is at work in
 * its arena any more.
 */
export class Batch<Item, Result extends object> {
  readonly group: string;
  /** Samples that its arena has room for. */
  readonly capacity: number;
  readonly arena: unknown;
  readonly #context: BatchContext<Item, Result>;
  readonly #seats: TakenSeat<Item, Result>[] = [];
  /** Places of requests that have left, where nothing is written any more. */
  readonly #free: Seat<Item>[] = [];
  #extent = 0;
  #samples = 0;
  #nobodyWaits: AbortController | undefined;

  /** Throws what opening the arena throws. */
  constructor(group: string, capacity: number, context: BatchContext<Item, Result>) {
    this.group = group;
    this.capacity = capacity;
    this.#context = context;
    this.arena = context.batchable.open(group, capacity);
  }

  /** Samples of the requests that still wait for it. */
  get samples(): number {
    return this.#samples;
  }

  /** Aborts when nobody waits for these seats any more; undefined where that cannot be. */
  signalOf(seats: readonly TakenSeat<Item, Result>[]): AbortSignal | undefined {
    const canBeGivenUp = ({ request: { call } }: TakenSeat<Item, Result>): boolean =>
      call.signal !== undefined || call.deadlineAt < Infinity;
    if (!seats.every(canBeGivenUp)) return undefined;
    this.#nobodyWaits ??= new AbortController();
    return this.#nobodyWaits.signal;
  }

  /** Whether a request of so many samples can join, in a batch of at most `limit`. */
  hasRoom(samples: number, limit: number): boolean {
    if (this.#samples + samples > limit && this.#samples > 0) return false;
    return this.#extent + samples <= this.capacity || this.#free.some((place) => place.samples === samples);
  }

  /** There is room. Begins to prepare the request. */
  add(request: BatchRequest<Item, Result>): void {
    const { samples, item, call } = request;
    const place = this.#takePlace(samples);
    this.#samples += samples;
    const { requestId } = call;
    const seat: TakenSeat<Item, Result> = { item, place, samples, requestId, request, preparing: undefined, preprocessMs: 0 };
    this.#seats.push(seat);
    request.batch = this;
    this.#prepare(seat);
  }

  /** The foremost that another request of as many samples has left, else a new one. */
  #takePlace(samples: number): number {
    const [free] = this.#free.filter((left) => left.samples === samples).sort((a, b) => a.place - b.place);
    if (free !== undefined) this.#free.splice(this.#free.indexOf(free), 1);
    else this.#extent += samples;
    return free?.place ?? this.#extent - samples;
  }

  #prepare(seat: TakenSeat<Item, Result>): void {
    const { batchable, clock } = this.#context;
    const startedAt = clock.now();
    seat.request.preparedFrom = startedAt;
    const prepared = (): void => {
      seat.preparing = undefined;
      seat.preprocessMs = clock.now() - startedAt;
      if (seat.request.batch !== this) this.#freed(seat);
    };
    const failed = (error: unknown): void => {
      seat.preparing = undefined;
      if (seat.request.batch !== this) this.#freed(seat);
      else this.#context.failed(seat.request, error);
    };
    try {
      const preparing = batchable.prepare(this.arena, seat, seat.request.call.signal);
      if (preparing === undefined) seat.preprocessMs = clock.now() - startedAt;
      else seat.preparing = preparing.then(prepared, failed);
    } catch (error) {
      failed(error);
    }
  }

  #freed(seat: Seat<Item>): void {
    this.#free.push(seat);
    this.#context.schedule();
  }

  /** A request that has a seat has its result. */
  answered(request: BatchRequest<Item, Result>): void {
    request.batch = undefined;
    this.#samples -= request.samples;
  }

  /** A request that has a seat is waited for no more, or has failed. Its place serves another once nothing is written there. */
  leave(request: BatchRequest<Item, Result>): void {
    const seat = this.#seats.find((taken) => taken.request === request) as TakenSeat<Item, Result>;
    this.answered(request);
    if (seat.preparing === undefined) this.#free.push(seat);
    if (this.#samples === 0) this.#nobodyWaits?.abort();
  }

  /** Settles when no seat is being prepared. */
  async prepared(): Promise<void> {
    const preparing = this.#seats.flatMap((seat) => seat.preparing ?? []);
    if (preparing.length > 0) await Promise.all(preparing);
  }

  /** The seats of requests that still wait for it, in the order of their places. */
  waitingSeats(): TakenSeat<Item, Result>[] {
    return this.#seats.filter(({ request }) => request.batch === this).sort((a, b) => a.place - b.place);
  }

  /** Gives the arena back, once no seat is being prepared. */
  async close(): Promise<void> {
    await this.prepared();
    this.#context.batchable.close(this.arena);
  }
}
