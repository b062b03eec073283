/** What the model is made of, and the traces that it is run on. */
import type { FakeItem } from './fakes.js';

export interface Setting {
  readonly lanes: number;
  readonly ahead: number;
  readonly maxBatch: number;
  readonly preferredSizes: readonly number[] | undefined;
  readonly maxDelayMs: number;
  readonly maxQueueSamples: number;
  readonly whenFull: 'reject' | 'shed-oldest' | 'block';
}

export type TraceEvent =
  | {
      readonly at: number;
      readonly kind: 'send';
      readonly item: FakeItem;
      readonly priority: number;
      readonly caller: string | undefined;
      readonly deadlineMs: number | undefined;
    }
  | { readonly at: number; readonly kind: 'abort'; readonly id: number }
  | { readonly at: number; readonly kind: 'flush' };

/** How a call was answered: when, with which error or in which batches. */
export interface Answer {
  readonly id: number;
  readonly at: number;
  readonly code: string | undefined;
  readonly batches: readonly string[];
}

export interface Call {
  readonly event: Extract<TraceEvent, { kind: 'send' }>;
  readonly parts: Part[];
  readonly deadlineAt: number;
  outcome: string | undefined;
  isAnswered: boolean;
}

export interface Part {
  readonly call: Call;
  readonly sequence: number;
  readonly samples: number;
  readonly prepareMs: number;
  isWaiting: boolean;
  seat: { readonly batch: Batch; readonly place: Place } | undefined;
  batch: string | undefined;
}

export interface Place {
  part: Part | undefined;
  readonly samples: number;
  readonly start: number;
  readyAt: number;
  isUsed: boolean;
}

export interface Batch {
  readonly group: string;
  readonly capacity: number;
  readonly places: Place[];
  isClosed: boolean;
  begin: (() => void) | undefined;
}

export interface Share {
  position: number;
  readonly starts: Map<string, number>;
}

/** What waits of a group have brought. */
export interface Waits {
  found: number[];
  hurried: number;
  retryAfter: number;
}

export function sum(parts: readonly { readonly samples: number }[]): number {
  return parts.reduce((total, { samples }) => total + samples, 0);
}
/** The largest size that so many samples fill; all of them where they fill none. */
export function largestFilled(sizes: readonly number[], waiting: number): number {
  return Math.max(0, ...sizes.filter((size) => size <= waiting)) || waiting;
}
export function liveOf(batch: Batch): Part[] {
  return batch.places.flatMap(({ part }) => part ?? []);
}
export function idOf({ call }: Part): number {
  return call.event.item.id;
}
export function groupOf({ call }: Part): string {
  return call.event.item.group;
}
export function callerOf({ call }: Part): string {
  return call.event.caller ?? '';
}
export function levelOf(part: Part): string {
  return `${part.call.event.priority} ${groupOf(part)}`;
}
export function startOf(part: Part): number {
  return part.seat?.place.start as number;
}
export function oldestUnseated(parts: readonly Part[]): Part | undefined {
  return parts.filter(({ seat }) => seat === undefined).sort((a, b) => a.sequence - b.sequence)[0];
}

/** How callers share what is served, within each group and priority. */
export class Shares {
  readonly #queue: () => readonly Part[];
  readonly #shares = new Map<string, Share>();

  constructor(queue: () => readonly Part[]) {
    this.#queue = queue;
  }

  /** Those without a seat of the same group and priority. */
  unseated(like: Part): Part[] {
    return this.#queue().filter((part) => part.seat === undefined && levelOf(part) === levelOf(like));
  }

  of(part: Part): Share {
    const key = levelOf(part);
    if (!this.#shares.has(key)) this.#shares.set(key, { position: 0, starts: new Map() });
    return this.#shares.get(key) as Share;
  }

  forget(part: Part): void {
    if (this.unseated(part).length === 0) this.#shares.delete(levelOf(part));
  }

  /** In the order in which they get seats; of each level, as it stands. */
  turns(parts: readonly Part[]): Part[] {
    const start = (part: Part): number => this.of(part).starts.get(callerOf(part)) as number;
    const first = parts.filter(
      (part) => !parts.some((o) => levelOf(o) === levelOf(part) && callerOf(o) === callerOf(part) && o.sequence < part.sequence),
    );
    return first.sort((a, b) => b.call.event.priority - a.call.event.priority || start(a) - start(b) || a.sequence - b.sequence);
  }
}
