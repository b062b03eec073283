import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  cocoKeypointSigmas,
  evaluateDetections,
  rasterizePolygons,
  RunLengthMasks,
  type DetectionKind,
  type DetectionMetrics,
  type FoundObjects,
  type TruthObjects,
} from '../../lib/metrics/index.js';

interface Case {
  readonly kind: DetectionKind;
  readonly images: number;
  readonly categories: number;
  readonly size: readonly [number, number];
  readonly truth: {
    readonly image: number[];
    readonly category: number[];
    readonly box: number[][];
    readonly area: number[];
    readonly crowd: number[];
    readonly polygons?: number[][][];
    readonly keypoints?: number[][];
  };
  readonly found: {
    readonly image: number[];
    readonly category: number[];
    readonly score: number[];
    readonly box?: number[][];
    readonly counts?: string[];
    readonly keypoints?: number[][];
  };
  readonly stats: number[];
  readonly digests: [precision: number, scores: number][];
  readonly recalls: number[];
}

/** See tests/reference/metrics/coco.py. */
const reference = JSON.parse(
  gunzipSync(readFileSync(new URL('../reference/fixtures/metrics/coco.json.gz', import.meta.url))).toString(),
) as {
  readonly thresholds: number[];
  readonly recalls: number[];
  readonly sigmas: number[];
  readonly compressed: [counts: number[], text: string];
  readonly polygons: [height: number, width: number, polygons: number[][], counts: string][];
  readonly cases: Case[];
};

const sizes = {
  box: ['all', 'small', 'medium', 'large'],
  mask: ['all', 'small', 'medium', 'large'],
  keypoints: ['all', 'medium', 'large'],
} as const;

async function truthOf({ truth, size }: Case): Promise<TruthObjects> {
  const [height, width] = size;
  return {
    images: Int32Array.from(truth.image),
    categories: Int32Array.from(truth.category),
    boxes: Float64Array.from(truth.box.flat()),
    areas: Float64Array.from(truth.area),
    crowd: Uint8Array.from(truth.crowd),
    masks: truth.polygons && (await rasterizePolygons(truth.polygons.map((polygons) => ({ polygons, height, width })))),
    keypoints: truth.keypoints && Float64Array.from(truth.keypoints.flat()),
  };
}

function foundOf({ kind, found, size }: Case): FoundObjects {
  // Without boxes, pycocotools takes the extent of the keypoints.
  const extent = (points: number[]): number[] => {
    const xs = points.filter((_, i) => i % 3 === 0);
    const ys = points.filter((_, i) => i % 3 === 1);
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)];
  };
  const boxes = found.box ?? found.keypoints?.map(extent) ?? found.image.map(() => [0, 0, 0, 0]);
  return {
    images: Int32Array.from(found.image),
    categories: Int32Array.from(found.category),
    boxes: Float64Array.from(boxes.flat()),
    scores: Float64Array.from(found.score),
    masks: kind === 'mask' ? found.counts?.map((counts) => ({ size, counts })) : undefined,
    keypoints: found.keypoints && Float64Array.from(found.keypoints.flat()),
  };
}

/** -1 where pycocotools has it. */
const marked = (value: number): number => (Number.isNaN(value) ? -1 : value);

/** The sum over all entries of entry * weight(place), as in the script. */
class Digest {
  sum = 0;
  #place = 0;

  add(values: Iterable<number>): void {
    for (const value of values) this.sum += marked(value) * (((this.#place++ * 2654435761) % 4096) / 4096 + 0.5);
  }
}

function digestsOf(metrics: DetectionMetrics, category: number): [number, number, number] {
  const [precision, scores, recalls] = [new Digest(), new Digest(), new Digest()];
  for (const size of sizes[metrics.kind]) {
    for (const maxDetections of metrics.maxDetections) {
      for (const iou of metrics.iouThresholds) {
        const curve = metrics.precisionRecall(category, iou, { size, maxDetections });
        precision.add(curve.precision);
        scores.add(curve.scores);
        recalls.add([metrics.highestRecall(category, iou, { size, maxDetections })]);
      }
    }
  }
  return [precision.sum, scores.sum, recalls.sum];
}

/** Far below what one wrong entry would change, far above what rounding does to a sum of thousands. */
const near = (value: number, expected: number): boolean => Math.abs(value - expected) <= 1e-9 * Math.max(1, Math.abs(expected));

describe.each(['box', 'mask', 'keypoints'] as const)('%s', (kind) => {
  const cases = reference.cases.filter((one) => one.kind === kind);

  it('equals pycocotools in every precision, recall and score, and in what sums them up', async () => {
    expect(cases.length).toBeGreaterThanOrEqual(200);
    for (const [number, one] of cases.entries()) {
      const metrics: DetectionMetrics = await evaluateDetections(await truthOf(one), foundOf(one), {
        kind,
        imageCount: one.images,
        categoryCount: one.categories,
      });
      const stats = Object.values<number>(metrics.summary).map(marked);
      expect(stats).toHaveLength(one.stats.length);
      stats.forEach((value, i) =>
        expect(near(value, one.stats[i] as number), `case ${number}, number ${i}: ${value}`).toBe(true),
      );
      for (let category = 0; category < one.categories; category++) {
        const expected = [...(one.digests[category] as number[]), one.recalls[category] as number];
        const digests = digestsOf(metrics, category);
        digests.forEach((value, i) =>
          expect(
            near(value, expected[i] as number),
            `case ${number}, category ${category}, digest ${i}: ${value}, ${expected[i]}`,
          ).toBe(true),
        );
      }
    }
  }, 180_000);
});

it('makes masks of polygons to the pixel', async () => {
  const masks = await rasterizePolygons(reference.polygons.map(([height, width, polygons]) => ({ height, width, polygons })));
  expect(masks.length).toBeGreaterThanOrEqual(400);
  reference.polygons.forEach(([height, width, , counts], i) =>
    expect(masks.at(i), `${i}`).toEqual({ size: [height, width], counts }),
  );
});

it('has the thresholds, recalls and sigmas of pycocotools to the last bit', async () => {
  const none = { images: new Int32Array(), categories: new Int32Array(), boxes: new Float64Array() };
  const metrics = await evaluateDetections(
    none,
    { ...none, scores: new Float64Array() },
    { kind: 'box', imageCount: 0, categoryCount: 1 },
  );
  expect(metrics.iouThresholds).toEqual(reference.thresholds);
  expect([...metrics.precisionRecall(0, 0.5).recall]).toEqual(reference.recalls);
  expect(cocoKeypointSigmas).toEqual(reference.sigmas);
  expect(Object.values(metrics.summary).every(Number.isNaN)).toBe(true);
});

it('compresses lengths as pycocotools does', () => {
  const [counts, text] = reference.compressed;
  const masks = RunLengthMasks.from([
    { size: [65_535, 65_535], counts: text },
    { size: [65_535, 65_535], counts },
  ]);
  expect(masks.at(1)).toEqual({ size: [65_535, 65_535], counts: text });
  expect(masks.at(0)).toEqual(masks.at(1));
});
