import { EngineError } from '../errors/index.js';
import { isObserved } from '../events/index.js';

/** A request's part of a batch. */
export interface Seat<Item> {
  readonly item: Item;
  /** The first of its samples in the arena. */
  readonly place: number;
  readonly samples: number;
  /** As it was given to `run` of the batcher. */
  readonly requestId?: string | undefined;
}

/** Those of a batch that are known, for log lines; none where nobody listens to these. */
export function requestIdsOf(seats: readonly Seat<unknown>[]): readonly string[] | undefined {
  return isObserved('foveate:log') ? seats.flatMap(({ requestId }) => requestId ?? []) : undefined;
}

/** What `run` throws where one seat of several is to blame, whatever for: parts of the batch are run, down to that seat alone, whose own error its request gets. */
export function oneIsToBlame(cause: unknown): EngineError {
  return new EngineError('ENGINE_FAILED', { message: 'A seat of the batch is to blame', cause });
}

/** What a run of a batch gave, for all of its requests. */
export interface BatchRun<Output> {
  readonly output: Output;
  /** Milliseconds of waiting for a lane within the run, where others use it too. */
  readonly queueMs: number;
  /** Milliseconds inside the engine. */
  readonly computeMs: number;
  /** Where it ran, for events. */
  readonly device?: string | undefined;
}

/**
 * What a `DynamicBatcher` makes batches of. The life of a batch: `open` makes an arena; `prepare` writes a request into its place there, while an earlier batch may
 * still run; `run` takes the seats through the engine; `finish` takes one request's result out of the output; `close` ends it.
 *
 * - Items of equal `group` may share a batch.
 * - A place may be left blank: its request was aborted, or could not be prepared.
 * - Where `run` fails, it is called again with fewer seats of the same arena, to find the one that is to blame: what was prepared must still be there. But ABORTED, DISPOSED and DEVICE_LOST are
 *   of all seats.
 * - All errors of `accept`, `samples`, `group`, `prepare` and `finish` are the one request's own.
 */
export interface Batchable<Item, Result extends object, Arena = unknown, Output = unknown> {
  /** The name of the batcher, unless its options give one. */
  readonly name?: string | undefined;
  /** How many batches run at once. */
  readonly lanes: number;
  /** Full batches of how many samples may be prepared besides, while all lanes are busy: as many as keep busy what prepares them. Default 0: preparing takes no time of its own. */
  readonly ahead?: number;
  /** The most samples that one run takes; Infinity where nothing is known to limit it. It may change, as where an engine takes over from another. */
  readonly mostSamples: number;
  /** Called once for each item that is submitted, before all else: what stands for it from then on. Throws where it cannot be run. Default: the item itself. */
  accept?(item: Item): Item;
  /** How many samples the item counts for, at least 1. Throws where it cannot be run. */
  samples(item: Item): number;
  group(item: Item): string;
  /** The samples of an item from `start` to `end` (excluded), for one that is larger than a batch. */
  slice(item: Item, start: number, end: number): Item;
  /** The result of an item, of those of its slices in their order, which it gives back. Where it throws, they are discarded. */
  join(results: readonly Result[]): Result;
  /** An arena for at most so many samples. */
  open(group: string, samples: number): Arena;
  prepare(arena: Arena, seat: Seat<Item>, signal: AbortSignal | undefined): void | Promise<void>;
  /** `seats`: at least one, in the order of their places. `signal` aborts when nobody waits for them any more; undefined where that cannot be. */
  run(arena: Arena, seats: readonly Seat<Item>[], signal: AbortSignal | undefined): Promise<BatchRun<Output>>;
  /** A plain object: how it was batched is added to it. Called at most once for each seat. */
  finish(arena: Arena, output: Output, seat: Seat<Item>): Result | Promise<Result>;
  /** Takes back a result that nobody waits for any more. */
  discard(result: Result): void;
  /** Called once, when no other call for the arena is under way or will follow. */
  close(arena: Arena): void;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- whatever it makes of its arenas and outputs */
export type AnyBatchable<Item, Result extends object> = Batchable<Item, Result, any, any>;
/* eslint-enable @typescript-eslint/no-explicit-any */

/** The method by which something tells what a batcher makes batches of. Tasks have it. */
export const toBatchable: unique symbol = Symbol.for('foveate.toBatchable') as never;

/** What can be batched by itself. */
export interface ToBatchable<Item, Result extends object> {
  [toBatchable](): AnyBatchable<Item, Result>;
}
