import { availableParallelism } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { fewestLanes, lanesToTry } from '../../lib/bench/choose-lanes.js';
import { chooseLanes, createSession, type LaneChoice } from '../../lib/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { madeCell } from './made-reports.js';

const classifier = join(import.meta.dirname, '../../examples/models/shapes-classifier.onnx');

it('tries powers of two up to the cores, and no more than 16', () => {
  expect(lanesToTry(1)).toEqual([1]);
  expect(lanesToTry(2)).toEqual([1, 2]);
  expect(lanesToTry(6)).toEqual([1, 2, 4]);
  expect(lanesToTry(192)).toEqual([1, 2, 4, 8, 16]);
});

describe('takes the fewest lanes that are as good as the most', () => {
  /** Of 1, 2, 4 and so on lanes; windows are the given part above and below the median. */
  const choice = (medians: readonly number[], part = 0): LaneChoice =>
    fewestLanes(
      medians.map((median, i) =>
        madeCell({ lanes: 2 ** i, throughputs: [1 - part, 1, 1 + part].map((factor) => factor * median) }),
      ),
    );

  it.each([
    { throughputs: [100], lanes: 1 },
    { throughputs: [100, 104], lanes: 1 },
    { throughputs: [100, 110], lanes: 2 },
    { throughputs: [100, 150, 190, 195], lanes: 4 },
    { throughputs: [100, 150, 120], lanes: 2 },
  ])('$throughputs a second', ({ throughputs, lanes }) => expect(choice(throughputs).lanes).toBe(lanes));

  it('where windows vary by more than the gain', () => {
    expect(choice([100, 110], 0.2).lanes).toBe(1);
  });

  it('and says so', () => {
    expect(choice([100, 150, 155]).reason).toBe(
      '1 lane 100 a second, 2 lanes 150 a second, 4 lanes 155 a second. 2 lanes: more gain too little, or no more than the windows leave in doubt.',
    );
    expect(choice([100, 150]).reason).toBe('1 lane 100 a second, 2 lanes 150 a second. 2 lanes: the most.');
  });
});

it('measures a model, for a session to be opened with', async () => {
  const { lanes, reason, cells } = await chooseLanes(classifier, { durationMs: 20, rounds: 2, open: { device: 'cpu' } });
  const tried = lanesToTry(availableParallelism());
  expect(cells.map((cell) => [cell.batch, cell.lanes, cell.threads])).toEqual(tried.map((count) => [1, count, null]));
  expect(cells.map(({ inFlight }) => inFlight)).toEqual(tried.map((count) => count + 1));
  expect(tried).toContain(lanes);
  expect(reason).toContain('1 lane ');
  const session = await createSession(classifier, { lanes });
  expect(session.lanes).toBe(lanes);
  await session.dispose();
});

it('makes no choice of what was measured before it was aborted', async () => {
  const stop = new AbortController();
  const choosing = chooseLanes(classifier, {
    ...{ durationMs: 20, rounds: undefined, open: { device: 'cpu' }, signal: stop.signal },
    onProgress: (_, total) => {
      expect(total).toBe(4 * lanesToTry(availableParallelism()).length);
      stop.abort();
    },
  });
  expectFailure(await rejectionOf(choosing), 'ABORTED', /aborted/);
});

it('refuses what it decides itself', async () => {
  expectFailure(await rejectionOf(chooseLanes(classifier, { lanes: [1] } as never)), 'UNKNOWN_OPTION', /lanes/);
});
