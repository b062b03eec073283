/**
 * When a batch closes, and why: a pure function of what waits, of the lanes and of the time. It knows no promise, no timer and no clock.
 */

/** Why a batch was closed. */
export type CloseReason = 'full' | 'delay' | 'idle-lane' | 'deadline' | 'flush';
export const closeReasons = ['full', 'delay', 'idle-lane', 'deadline', 'flush'] as const satisfies readonly CloseReason[];

/** Requests that may share a batch, and wait. Times are those of one clock, in milliseconds. */
export interface WaitingGroup {
  readonly group: string;
  /** At least 1. */
  readonly samples: number;
  /** When the one that has waited longest was submitted. */
  readonly oldestAt: number;
  /** When a batch has to begin, lest the first deadline pass; Infinity without deadlines. */
  readonly startBy: number;
  /** The highest among them. */
  readonly priority: number;
  /** Sizes at which a batch is not waited for any longer, in ascending order; at least one. */
  readonly sizes: readonly number[];
  /** Whether waiting for more is worth it: false where the last waits brought no more than there are. */
  readonly isPatient: boolean;
  /** Whether the batcher was told to wait for nothing. */
  readonly isFlushed: boolean;
}

export interface PolicyState {
  readonly now: number;
  /** 0 or less where batches are closed already for each lane. */
  readonly idleLanes: number;
  /** Full batches of so many samples together may be closed besides while no lane is idle, and always one where it is not 0. */
  readonly ahead: number;
  /** When a lane last became idle while all others were busy. */
  readonly idleSince: number;
  readonly maxDelayMs: number;
  /** How many batches were closed before. */
  readonly turn: number;
  readonly groups: Iterable<WaitingGroup>;
}

export type Decision =
  /** A batch of this group, of at most so many samples, unless its first request alone has more. */
  | { readonly kind: 'close'; readonly group: string; readonly samples: number; readonly reason: CloseReason }
  /** Nothing before `at`, unless something changes. */
  | { readonly kind: 'look'; readonly at: number }
  /** Nothing unless something changes. */
  | { readonly kind: 'wait' };

/** One batch in so many goes to whoever has waited longest, whatever its priority: so that nobody waits for ever. */
export const oldestEvery = 16;

export function isOldestFirst(turn: number): boolean {
  return turn % oldestEvery === oldestEvery - 1;
}

/** The largest of `sizes` that so many samples fill; all samples where they fill none. */
export function batchSize(sizes: readonly number[], samples: number): number {
  let size = samples;
  for (const candidate of sizes) if (candidate <= samples) size = candidate;
  return size;
}

/** Runs take longer than they mostly do now and then, and timers are late. */
const runMargin = 1.25;
const timerMarginMs = 2;

/** When a batch that is likely to run for `expectedMs` has to begin, to be done by `deadlineAt`. */
export function latestStart(deadlineAt: number, expectedMs: number): number {
  return deadlineAt - expectedMs * runMargin - timerMarginMs;
}

export function decide(state: PolicyState): Decision {
  const { idleLanes, ahead } = state;
  if (idleLanes + ahead <= 0) return { kind: 'wait' };
  const oldestFirst = isOldestFirst(state.turn);
  let best: WaitingGroup | undefined;
  let bestReason: CloseReason = 'full';
  let lookAt = Infinity;
  for (const group of state.groups) {
    const reason = idleLanes > 0 ? closeReason(group, state) : mayGoAhead(group, state) ? 'full' : undefined;
    if (reason === undefined) lookAt = Math.min(lookAt, group.oldestAt + state.maxDelayMs, group.startBy);
    else if (best === undefined || goesBefore(group, best, oldestFirst)) {
      best = group;
      bestReason = reason;
    }
  }
  if (best !== undefined) {
    return { kind: 'close', group: best.group, samples: batchSize(best.sizes, best.samples), reason: bestReason };
  }
  return lookAt === Infinity || idleLanes <= 0 ? { kind: 'wait' } : { kind: 'look', at: lookAt };
}

/** A batch of the group would not grow any more. */
function isFull({ samples, sizes }: WaitingGroup): boolean {
  return samples >= (sizes[0] as number);
}

function mayGoAhead(group: WaitingGroup, { idleLanes, ahead }: PolicyState): boolean {
  return isFull(group) && idleLanes + Math.ceil(ahead / (group.sizes[0] as number)) > 0;
}

/** Why a batch of the group is to run on a lane that is idle now; undefined where it is not. */
function closeReason(group: WaitingGroup, { now, idleSince, maxDelayMs }: PolicyState): CloseReason | undefined {
  if (isFull(group)) return 'full';
  if (group.isFlushed) return 'flush';
  const dueAt = group.oldestAt + maxDelayMs;
  // It was due before: what it waited for was a lane.
  if (now >= dueAt) return idleSince > dueAt ? 'idle-lane' : 'delay';
  if (now >= group.startBy) return 'deadline';
  return group.isPatient ? undefined : 'idle-lane';
}

function goesBefore(a: WaitingGroup, b: WaitingGroup, oldestFirst: boolean): boolean {
  if (!oldestFirst && a.priority !== b.priority) return a.priority > b.priority;
  return a.oldestAt < b.oldestAt;
}
