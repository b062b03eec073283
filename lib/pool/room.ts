import type { Bytes } from './options.js';

/** A loaded model that may have to go. */
export interface Candidate {
  readonly bytes: Bytes;
  /** Whether somebody has it. */
  readonly isBusy: boolean;
  /** When it was last given to somebody. */
  readonly lastUse: number;
}

/** What there is, and what is wanted. */
export interface Situation<C extends Candidate> {
  readonly budget: Bytes;
  /** All that counts: loaded models, those that are being disposed of, and what is being loaded. */
  readonly used: Bytes;
  /** Of that, what is on its way out already. */
  readonly leaving: Bytes;
  /** Models that may go; neither pinned nor on their way out. */
  readonly candidates: readonly C[];
  readonly need: Bytes;
}

/** What has to go before what is wanted fits: nothing, where it fits now; undefined where it cannot, whatever goes. */
export interface RoomPlan<C extends Candidate> {
  readonly fits: boolean;
  readonly victims: readonly C[];
}

/** Who goes: of those that nobody has, and then of the others, the one that was not asked for the longest. */
export function planRoom<C extends Candidate>({
  budget,
  used,
  leaving,
  candidates,
  need,
}: Situation<C>): RoomPlan<C> | undefined {
  if (isWithin(plus(used, need), budget)) return { fits: true, victims: [] };
  let rest = plus(minus(used, leaving), need);
  const victims: C[] = [];
  const order = [...candidates].sort((a, b) => Number(a.isBusy) - Number(b.isBusy) || a.lastUse - b.lastUse);
  for (const candidate of order) {
    if (isWithin(rest, budget)) break;
    if (!helps(candidate.bytes, rest, budget)) continue;
    victims.push(candidate);
    rest = minus(rest, candidate.bytes);
  }
  return isWithin(rest, budget) ? { fits: false, victims } : undefined;
}

/** The most that could be had, if all candidates went. */
export function mostRoom<C extends Candidate>({ budget, used, leaving, candidates }: Omit<Situation<C>, 'need'>): Bytes {
  const staying = candidates.reduce((rest, { bytes }) => minus(rest, bytes), minus(used, leaving));
  const room = minus(budget, staying);
  return { host: Math.max(0, room.host), device: Math.max(0, room.device) };
}

/** Whether it has some of the memory that there is too little of. */
function helps(bytes: Bytes, rest: Bytes, budget: Bytes): boolean {
  return (rest.host > budget.host && bytes.host > 0) || (rest.device > budget.device && bytes.device > 0);
}

export function isWithin(bytes: Bytes, budget: Bytes): boolean {
  return bytes.host <= budget.host && bytes.device <= budget.device;
}

export function plus(a: Bytes, b: Bytes): Bytes {
  return { host: a.host + b.host, device: a.device + b.device };
}

export function minus(a: Bytes, b: Bytes): Bytes {
  return { host: a.host - b.host, device: a.device - b.device };
}

export function sumOf(all: Iterable<Bytes>): Bytes {
  let sum: Bytes = { host: 0, device: 0 };
  for (const bytes of all) sum = plus(sum, bytes);
  return sum;
}

export function most(a: Bytes, b: Bytes): Bytes {
  return { host: Math.max(a.host, b.host), device: Math.max(a.device, b.device) };
}

export function least(a: Bytes, b: Bytes): Bytes {
  return { host: Math.min(a.host, b.host), device: Math.min(a.device, b.device) };
}
