/** What a piece of work copies: by our own counters, which on the stand-ins have to agree with the driver's. */
import { expect } from 'vitest';

import { gpuStatistics } from '../../lib/index.js';
import { standinCounts } from '../standin/standins.mjs';
import { gpu } from './machine.js';

const kinds = ['toDevice', 'toHost', 'onDevice'] as const;
/** How the stand-in calls their numbers and bytes. */
const standinNames: Record<(typeof kinds)[number], readonly [string, string]> = {
  toDevice: ['uploads', 'uploaded-bytes'],
  toHost: ['downloads', 'downloaded-bytes'],
  onDevice: ['device-copies', 'device-copied-bytes'],
};

/** Of each kind the number and the bytes, of the first GPU. */
export type Copies = Readonly<Record<(typeof kinds)[number], readonly [count: number, bytes: number]>>;

/** Of the first GPU, since the process began. */
async function counted(): Promise<Copies> {
  const [first] = await gpuStatistics();
  return copiesBy((kind) => [first![kind].count, first![kind].bytes]);
}

async function countedByStandin(): Promise<Copies> {
  const counts = await standinCounts();
  return copiesBy((kind) => [counts[standinNames[kind][0]]!, counts[standinNames[kind][1]]!]);
}

function copiesBy(of: (kind: (typeof kinds)[number]) => readonly [number, number]): Copies {
  return { toDevice: of('toDevice'), toHost: of('toHost'), onDevice: of('onDevice') };
}

/** What `work` gives, and what it copied. Nothing else may run meanwhile, and a session is open already. */
export async function copiesOf<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly copies: Copies }> {
  const looks = gpu!.onStandins ? [counted, countedByStandin] : [counted];
  const before = await Promise.all(looks.map((look) => look()));
  const result = await work();
  const after = await Promise.all(looks.map((look) => look()));
  const [copies, byDriver] = after.map((all, i) =>
    copiesBy((kind) => [all[kind][0] - before[i]![kind][0], all[kind][1] - before[i]![kind][1]]),
  );
  if (byDriver !== undefined) expect(byDriver).toEqual(copies);
  return { result, copies: copies! };
}
