/** Results in COCO's form, counted as pycocotools counts them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { evaluatePredictions, type EvaluationResult } from '../../lib/evaluation/index.js';
import { openDataset } from '../../lib/dataset/index.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-coco-results-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function evaluated(labels: object, results: readonly object[], resamples = 0): Promise<EvaluationResult> {
  writeFileSync(join(folder, 'labels.json'), JSON.stringify(labels));
  writeFileSync(join(folder, 'results.json'), JSON.stringify(results));
  return evaluatePredictions(join(folder, 'results.json'), await openDataset(join(folder, 'labels.json')), { resamples });
}

const images = [1, 2, 3, 4].map((id) => ({
  id,
  file_name: `${id}.jpg`,
  width: 100,
  height: 100,
  light: id < 3 ? 'day' : 'night',
}));

describe('results in the form of COCO', () => {
  it('take the sizes of masks from boxes where there are any', async () => {
    // A small mask is labelled. What is found elsewhere is as small, and in a large box: it is ignored among the small.
    const segmentation = [[0, 0, 20, 0, 20, 20, 0, 20]];
    const labels = {
      images,
      categories: [{ id: 1, name: 'a' }],
      annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [0, 0, 20, 20], area: 400, iscrowd: 0, segmentation }],
    };
    const runs = (from: number): object => ({ size: [100, 100], counts: columns(from) });
    const found = [
      { image_id: 1, category_id: 1, bbox: [0, 0, 20, 20], score: 0.5, segmentation: runs(0) },
      { image_id: 1, category_id: 1, bbox: [0, 0, 99, 99], score: 0.9, segmentation: runs(50) },
    ];
    const boxed = await evaluated(labels, found);
    expect(boxed.metrics['mask.AP50']).toBe(0.5);
    expect(boxed.metrics['mask.APs']).toBeCloseTo(1, 12);
    const bare = await evaluated(
      labels,
      found.map(({ image_id, category_id, score, segmentation: mask }) => ({ image_id, category_id, score, segmentation: mask })),
    );
    expect(bare.metrics).toMatchObject({ 'mask.AP50': 0.5, 'mask.APs': 0.5 });
  });

  it('have slices without a single keypoint found', async () => {
    const points = (x: number): number[] => [x, 10, 2, x + 20, 30, 2];
    const labels = {
      images,
      categories: [{ id: 1, name: 'a', keypoints: ['head', 'foot'] }],
      annotations: images.map(({ id }) => ({
        ...{ id, image_id: id, category_id: 1, bbox: [0, 0, 60, 60], area: 3600, iscrowd: 0 },
        ...{ keypoints: points(10), num_keypoints: 2 },
      })),
    };
    const { slices } = await evaluated(labels, [{ image_id: 1, category_id: 1, score: 1, keypoints: points(10) }], 10);
    const light = slices.filter(({ attribute }) => attribute === 'light');
    expect(light.map(({ value, metrics }) => [value, metrics['keypoints.AR']])).toEqual([
      ['day', 0.5],
      ['night', 0],
    ]);
  });
});

/** Runs of a square of 20 pixels a side from a corner on, in a picture of 100 by 100. */
function columns(from: number): number[] {
  const runs = [from * 100 + from];
  for (let column = 0; column < 20; column++) runs.push(20, column === 19 ? 10_000 - (from + 19) * 100 - from - 20 : 80);
  return runs;
}
