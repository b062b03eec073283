/** What docs/metrics.md describes can be imported from the package. */
import { expect, it } from 'vitest';

import * as foveate from '../../lib/index.js';
import * as metrics from '../../lib/metrics/index.js';

/** Of use to other folders alone. */
const inside = [
  'MeanAboveTest',
  'Random',
  'bootstrapAmong',
  'enoughPictures',
  'holm',
  'mannWhitney',
  'percentileInterval',
  'quantile',
  'trackingBenchmarks',
];

it('exports the metrics, but for what is for the folders beside', () => {
  expect(
    Object.keys(metrics)
      .filter((name) => !(name in foveate))
      .sort(),
  ).toEqual(inside);
});
