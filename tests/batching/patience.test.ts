import { expect, it } from 'vitest';
import { Patience } from '../../lib/batching/patience.js';

/** How many batches of one sample are hurried before the next is waited for; Infinity after many. */
function hurriedBatches(patience: Patience): number {
  for (let count = 0; count < 5000; count++) {
    if (patience.isPatient(1)) return count;
    patience.closed('idle-lane', 1);
  }
  return Infinity;
}

it('waits three times, and after that for more than ever came', () => {
  const patience = new Patience();
  for (const samples of [1, 3, 2]) {
    expect(patience.isPatient(1)).toBe(true);
    patience.closed('delay', samples);
  }
  expect([1, 2, 3, 4].map((samples) => patience.isPatient(samples))).toEqual([true, true, false, false]);
});

it('looks again after more and more batches while nothing comes, and soon again where something did', () => {
  const patience = new Patience();
  for (let i = 0; i < 3; i++) patience.closed('delay', 1);
  const looks: number[] = [];
  for (let i = 0; i < 7; i++) {
    looks.push(hurriedBatches(patience));
    patience.closed('delay', 1);
  }
  expect(looks).toEqual([32, 64, 128, 256, 512, 1024, 1024]);
  expect(hurriedBatches(patience)).toBe(1024);
  patience.closed('delay', 5);
  for (let i = 0; i < 3; i++) patience.closed('delay', 1);
  expect(hurriedBatches(patience)).toBe(32);
});
