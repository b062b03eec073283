import { Chain, type Link } from './chain.js';
import { FairShare, type Share, type ShareTicket } from './fair-share.js';
import { Heap, type HeapEntry } from './heap.js';

/** A request as the queue knows it. Times are those of the batcher's clock, in milliseconds. */
export interface Queued<R extends Share> extends Share {
  readonly group: string;
  /** Higher ones go first. */
  readonly priority: number;
  readonly submittedAt: number;
  /** When it is too late; Infinity for never. */
  readonly deadlineAt: number;
  /** The queue's own; undefined while the request is not in it. */
  place: QueuePlace<R> | undefined;
}

export interface QueuePlace<R extends Share> {
  readonly level: Level<R>;
  readonly arrival: Link<R>;
  readonly deadline: HeapEntry<R> | undefined;
  /** undefined once its turn has come: it has a seat in a batch that is still forming. */
  turn: ShareTicket<R> | undefined;
}

/** The requests of one group and one priority. */
interface Level<R extends Share> {
  readonly priority: number;
  samples: number;
  /** All of them, in the order of their arrival. */
  readonly arrivals: Chain<R>;
  /** Those without a seat. */
  readonly turns: FairShare<R>;
}

/** The requests that may share a batch: those that wait for a seat, and those that have one in a batch that is still forming. */
export class QueueGroup<R extends Queued<R>> {
  readonly key: string;
  samples = 0;
  /** Requests without a seat. */
  unseated = 0;
  /** By priority, the highest first; none is empty. */
  readonly #levels: Level<R>[] = [];
  readonly #deadlines = new Heap<R>((a, b) => a.deadlineAt < b.deadlineAt);

  constructor(key: string) {
    this.key = key;
  }

  /** The group has a request. */
  get priority(): number {
    return (this.#levels[0] as Level<R>).priority;
  }

  /** The request that has waited longest. */
  get oldest(): R {
    return oldestOf(this.#levels.map(({ arrivals }) => arrivals.first as R));
  }

  get deadlineAt(): number {
    return this.#deadlines.first?.deadlineAt ?? Infinity;
  }

  /** The request whose turn it is for a seat: by priority, then by the callers' fair share, then by arrival. */
  get next(): R | undefined {
    for (const { turns } of this.#levels) if (turns.next !== undefined) return turns.next;
    return undefined;
  }

  /** Of those whose turn it is in their level, the one that has waited longest. */
  get oldestNext(): R | undefined {
    const next = this.#levels.flatMap(({ turns, arrivals }) => (turns.next === undefined ? [] : firstUnseated(arrivals)));
    return next.length === 0 ? undefined : oldestOf(next);
  }

  /** Of the lowest priority, the request that has waited longest. */
  get leastWanted(): R {
    return (this.#levels.at(-1) as Level<R>).arrivals.first as R;
  }

  /** How many samples have at most this priority. */
  samplesUpTo(priority: number): number {
    let samples = 0;
    for (const level of this.#levels) if (level.priority <= priority) samples += level.samples;
    return samples;
  }

  add(request: R): void {
    const level = this.#level(request.priority);
    request.place = {
      level,
      arrival: level.arrivals.add(request),
      deadline: request.deadlineAt === Infinity ? undefined : this.#deadlines.add(request),
      turn: level.turns.add(request),
    };
    level.samples += request.samples;
    this.samples += request.samples;
    this.unseated++;
  }

  /** The request gets a seat. It is the first of its caller in its level. */
  seat(request: R): void {
    const place = request.place as QueuePlace<R>;
    place.level.turns.remove(place.turn as ShareTicket<R>, true);
    place.turn = undefined;
    this.unseated--;
  }

  /** The request waits no more: its batch was closed, or it was given up. */
  remove(request: R): void {
    const { level, arrival, deadline, turn } = request.place as QueuePlace<R>;
    level.arrivals.remove(arrival);
    if (deadline !== undefined) this.#deadlines.remove(deadline);
    if (turn !== undefined) {
      level.turns.remove(turn, false);
      this.unseated--;
    }
    level.samples -= request.samples;
    if (level.arrivals.first === undefined) this.#levels.splice(this.#levels.indexOf(level), 1);
    this.samples -= request.samples;
    request.place = undefined;
  }

  *[Symbol.iterator](): IterableIterator<R> {
    for (const { arrivals } of this.#levels) yield* arrivals;
  }

  #level(priority: number): Level<R> {
    const at = this.#levels.findIndex((level) => level.priority <= priority);
    const found = this.#levels[at];
    if (found?.priority === priority) return found;
    const level: Level<R> = { priority, samples: 0, arrivals: new Chain(), turns: new FairShare() };
    this.#levels.splice(at === -1 ? this.#levels.length : at, 0, level);
    return level;
  }
}

/** All requests that wait, and how many samples they are. */
export class RequestQueue<R extends Queued<R>> {
  readonly #groups = new Map<string, QueueGroup<R>>();
  #samples = 0;
  #requests = 0;

  get samples(): number {
    return this.#samples;
  }

  get requests(): number {
    return this.#requests;
  }

  get groups(): IterableIterator<QueueGroup<R>> {
    return this.#groups.values();
  }

  group(key: string): QueueGroup<R> | undefined {
    return this.#groups.get(key);
  }

  add(request: R): void {
    let group = this.#groups.get(request.group);
    if (group === undefined) this.#groups.set(request.group, (group = new QueueGroup(request.group)));
    group.add(request);
    this.#samples += request.samples;
    this.#requests++;
  }

  /** The request is in the queue. */
  remove(request: R): void {
    const group = this.#groups.get(request.group) as QueueGroup<R>;
    group.remove(request);
    if (group.samples === 0) this.#groups.delete(request.group);
    this.#samples -= request.samples;
    this.#requests--;
  }

  /**
   * The request to give up for one of this priority: of the lowest priority, the one that has waited longest. undefined where giving up all that are of no higher priority would
   * not make room for `samples` more.
   */
  victim(priority: number, samples: number): R | undefined {
    let sheddable = 0;
    let victim: R | undefined;
    for (const group of this.#groups.values()) {
      sheddable += group.samplesUpTo(priority);
      const candidate = group.leastWanted;
      if (victim === undefined || isLessWanted(candidate, victim)) victim = candidate;
    }
    return sheddable >= samples ? victim : undefined;
  }
}

function isLessWanted<R extends Queued<R>>(a: R, b: R): boolean {
  return a.priority === b.priority ? a.sequence < b.sequence : a.priority < b.priority;
}

/** At least one. */
function oldestOf<R extends Queued<R>>(requests: readonly R[]): R {
  let oldest = requests[0] as R;
  for (const request of requests) if (request.sequence < oldest.sequence) oldest = request;
  return oldest;
}

function firstUnseated<R extends Queued<R>>(arrivals: Chain<R>): R[] {
  for (const request of arrivals) if (request.place?.turn !== undefined) return [request];
  return [];
}
