/** How many pictures are calibrated with, and how many are left to measure by. */
import { expect, it } from 'vitest';
import { calibratedOf } from '../../lib/optimize/held-back.js';

it.each([
  [1, 16],
  [16, 16],
  [34, 17],
  [63, 31],
  [64, 32],
  [5000, 32],
])('of %i pictures %i are calibrated with', (pictures, calibrated) => {
  expect(calibratedOf(pictures)).toBe(calibrated);
});
