/** A clock and something to batch, both in the hands of a test. */
import type { Batchable, BatchRun, Seat } from '../../lib/batching/batchable.js';
import type { Clock } from '../../lib/batching/clock.js';
import { createError } from '../../lib/errors/index.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** Lets everything go on that waits for no timer. */
export async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, ms: number): Timer {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as Timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** When the next timer is due; Infinity without one. */
  get nextAt(): number {
    let next = Infinity;
    for (const { at } of this.#timers) next = Math.min(next, at);
    return next;
  }

  /** Lets the time pass, with a stop at each timer. */
  async advanceTo(time: number, pause: () => Promise<void> = settle): Promise<void> {
    await pause();
    for (let next = this.nextAt; next <= time; next = this.nextAt) {
      this.#now = Math.max(this.#now, next);
      this.#fire();
      await pause();
    }
    this.#now = time;
  }

  /** Calls the first timer that is due. */
  #fire(): void {
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at > this.#now) return;
      this.#timers.delete(timer);
      timer.callback();
      return;
    }
  }
}

export interface FakeItem {
  readonly id: number;
  readonly samples: number;
  readonly group: string;
  /** 0: it is prepared at once. */
  readonly prepareMs: number;
  readonly runMs: number;
  readonly fault?: 'prepare' | 'run' | 'finish' | undefined;
}

export function fakeItem(item: Partial<FakeItem> & { readonly id: number }): FakeItem {
  return { samples: 1, group: 'a', prepareMs: 0, runMs: 1, ...item };
}

/** Slices that are begun together are not done together: which of two comes first at the same time is no question here. */
export function slicePrepareMs({ prepareMs }: FakeItem, start: number): number {
  return prepareMs * (1 + start / 100);
}

export interface FakeResult {
  readonly ids: readonly number[];
}

interface FakeArena {
  readonly group: string;
  readonly capacity: number;
  readonly rows: (number | undefined)[];
}

/** Takes as long as its items say, and fails where they say. Throws where it is not used as it is to be. */
export class FakeBatchable implements Batchable<FakeItem, FakeResult, FakeArena, FakeArena> {
  readonly lanes: number;
  readonly ahead: number;
  readonly mostSamples = Infinity;
  readonly runs: { readonly at: number; readonly ids: readonly number[] }[] = [];
  openArenas = 0;
  discarded = 0;
  #running = 0;
  /** What a run fails with besides what its items say. */
  failWith: ((seats: readonly Seat<FakeItem>[]) => Error | undefined) | undefined;
  readonly #clock: FakeClock;
  /** Milliseconds of a run; default: those of its items together. */
  readonly #runMs: (seats: readonly Seat<FakeItem>[]) => number;

  constructor(
    clock: FakeClock,
    lanes = 1,
    runMs = (seats: readonly Seat<FakeItem>[]): number => seats.reduce((sum, { item }) => sum + item.runMs, 0),
    ahead = 0,
  ) {
    this.#clock = clock;
    this.lanes = lanes;
    this.ahead = ahead;
    this.#runMs = runMs;
  }

  samples(item: FakeItem): number {
    return item.samples;
  }
  group(item: FakeItem): string {
    return item.group;
  }
  slice(item: FakeItem, start: number, end: number): FakeItem {
    return { ...item, samples: end - start, prepareMs: slicePrepareMs(item, start) };
  }
  join(results: readonly FakeResult[]): FakeResult {
    return { ids: results.flatMap(({ ids }) => ids) };
  }

  open(group: string, capacity: number): FakeArena {
    this.openArenas++;
    return { group, capacity, rows: [] };
  }

  prepare(arena: FakeArena, { item, place, samples }: Seat<FakeItem>): void | Promise<void> {
    if (item.group !== arena.group) throw new Error('groups are mixed');
    if (place + samples > arena.capacity) throw new Error('the seat is outside the arena');
    const write = (): void => {
      if (item.fault === 'prepare') throw createError('MEDIA_INVALID', { message: `item ${item.id}` });
      for (let row = place; row < place + samples; row++) arena.rows[row] = item.id;
    };
    return item.prepareMs === 0 ? write() : this.#after(item.prepareMs).then(write);
  }

  async run(arena: FakeArena, seats: readonly Seat<FakeItem>[]): Promise<BatchRun<FakeArena>> {
    if (++this.#running > this.lanes) throw new Error('more batches than lanes');
    for (const { item, place, samples } of seats) {
      if (arena.rows.slice(place, place + samples).some((id) => id !== item.id)) throw new Error('a seat has lost its place');
    }
    this.runs.push({ at: this.#clock.now(), ids: seats.map(({ item }) => item.id) });
    const runMs = this.#runMs(seats);
    await this.#after(runMs);
    this.#running--;
    const poisoned = seats.find(({ item }) => item.fault === 'run');
    const error = this.failWith?.(seats);
    if (error !== undefined) throw error;
    if (poisoned !== undefined) throw createError('ENGINE_FAILED', { message: `item ${poisoned.item.id}` });
    return { output: arena, queueMs: 0, computeMs: runMs };
  }

  finish(arena: FakeArena, output: FakeArena, { item, place, samples }: Seat<FakeItem>): FakeResult {
    if (item.fault === 'finish') throw createError('ENGINE_FAILED', { message: `item ${item.id} cannot be read` });
    return { ids: output.rows.slice(place, place + samples) as number[] };
  }

  discard(): void {
    this.discarded++;
  }

  close(): void {
    this.openArenas--;
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => this.#clock.setTimer(resolve, ms));
  }
}
