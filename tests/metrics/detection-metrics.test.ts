import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { DatasetImage, RunLengthEncoding } from '../../lib/dataset/index.js';
import {
  evaluateDetections,
  rasterizePolygons,
  readCocoResults,
  RunLengthMasks,
  truthOfDataset,
  type FoundObjects,
  type TruthObjects,
} from '../../lib/metrics/index.js';

const folder = mkdtempSync(join(tmpdir(), 'foveate-metrics-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Objects given as [picture, category, x, y, width, height, score]. */
function objects(rows: number[][]): FoundObjects {
  return {
    images: Int32Array.from(rows, (row) => row[0] as number),
    categories: Int32Array.from(rows, (row) => row[1] as number),
    boxes: Float64Array.from(rows.flatMap((row) => row.slice(2, 6))),
    scores: Float64Array.from(rows, (row) => row[6] ?? 0),
  };
}

/** 0 or 1, column by column. */
function pixelsOf({ counts, size: [height, width] }: RunLengthEncoding): Uint8Array {
  const pixels = new Uint8Array(height * width);
  const lengths: number[] = [];
  let [value, shift] = [0, 0];
  for (const character of counts as string) {
    const group = character.charCodeAt(0) - 48;
    value |= (group & 31) << shift;
    shift += 5;
    if (group & 32) continue;
    if (group & 16) value |= -1 << shift;
    lengths.push(lengths.length > 2 ? value + lengths.at(-2)! : value);
    [value, shift] = [0, 0];
  }
  let at = 0;
  lengths.forEach((length, i) => pixels.fill(i % 2, at, (at += length)));
  return pixels;
}

const options = { kind: 'box', imageCount: 3, categoryCount: 2 } as const;
const truth: TruthObjects = objects([
  [0, 0, 0, 0, 40, 40],
  [1, 0, 0, 0, 40, 40],
  [2, 0, 10, 10, 200, 200],
]);
const found = objects([
  [0, 0, 0, 0, 40, 40, 0.9],
  [1, 0, 100, 100, 40, 40, 0.8],
  [2, 0, 10, 10, 200, 190, 0.7],
  [2, 1, 10, 10, 200, 200, 0.6],
]);

describe('evaluateDetections', () => {
  it('tells what became of each object, and gives NaN where nothing is to count', async () => {
    const metrics = await evaluateDetections(truth, found, options);
    expect([...metrics.matches.truths]).toEqual([0, -1, 2, -1]);
    expect([...metrics.matches.overlaps]).toEqual([1, 0, 0.95, 0]);
    expect(metrics.summary.APs).toBeNaN();
    expect(metrics.perCategory[1]).toEqual({ AP: NaN, AP50: NaN, AP75: NaN, AR: NaN });
    expect(metrics.ofSize(0, 'large').AP).toBeCloseTo(1, 12);
    expect(metrics.ofSize(0, 'medium').AR).toBe(0.5);
    expect(metrics.highestRecall(0, 0.5)).toBeCloseTo(2 / 3, 12);
    expect(() => metrics.precisionRecall(2, 0.5)).toThrow('category');
    expect(() => metrics.precisionRecall(0, 0.52)).toThrow('iou');
  });

  it('counts confusions with the background last', async () => {
    const metrics = await evaluateDetections(truth, found, options);
    expect([...(await metrics.confusion(0.5, 0.5))]).toEqual([2, 0, 1, 0, 0, 0, 1, 1, 0]);
    expect([...(await metrics.confusion(0.5, 0.85))]).toEqual([1, 0, 2, 0, 0, 0, 0, 0, 0]);
  });

  it('draws the same pictures from the same seed', async () => {
    const metrics = await evaluateDetections(truth, found, options);
    const first = await metrics.bootstrap(200, 7);
    const again = await metrics.bootstrap(200, 7);
    const other = await metrics.bootstrap(200, 8);
    expect(again).toEqual(first);
    expect(other.samples.AP).not.toEqual(first.samples.AP);
    const [low, high] = first.intervals.AP;
    expect(low).toBeLessThan(metrics.summary.AP);
    expect(high).toBeGreaterThan(metrics.summary.AP);
    const [narrowLow, narrowHigh] = (await metrics.bootstrap(200, 7, { confidence: 0.5 })).intervals.AP;
    expect(narrowHigh - narrowLow).toBeLessThan(high - low);
  });

  it('refuses what cannot be, and names it', async () => {
    const refused = (wrong: Partial<FoundObjects>, more: object = {}): Promise<unknown> =>
      evaluateDetections(truth, { ...found, ...wrong }, { ...options, ...more });
    await expect(refused({ scores: Float64Array.of(1, NaN, 1, 1) })).rejects.toThrow('found.scores[1]');
    await expect(refused({ scores: Float64Array.of(1) })).rejects.toThrow('found.scores');
    await expect(refused({ images: Int32Array.of(0, 0, 0, 3) })).rejects.toThrow('found.images[3]');
    await expect(refused({ categories: Int32Array.of(0, -1, 0, 0) })).rejects.toThrow('found.categories[1]');
    await expect(refused({ boxes: new Float64Array(15) })).rejects.toThrow('found.boxes');
    await expect(refused({}, { imageCount: 2 ** 31 - 1 })).rejects.toThrow('imageCount');
    await expect(refused({}, { kind: 'mask' })).rejects.toThrow('truth.masks');
    await expect(refused({}, { kind: 'boxes' })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(refused({}, { maxDetections: [100, 10, 1] })).rejects.toThrow('maxDetections');
    await expect(refused({}, { iouThreshold: [0.5] })).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
    await expect(refused({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('refuses damaged masks', async () => {
    const one = objects([[0, 0, 0, 0, 1, 1, 1]]);
    const evaluate = (counts: string): Promise<unknown> =>
      evaluateDetections(
        { ...one, masks: [{ size: [2, 2], counts: [1, 3] }] },
        { ...one, masks: [{ size: [2, 2], counts }] },
        { kind: 'mask', imageCount: 1, categoryCount: 1 },
      );
    await expect(evaluate('13')).resolves.toMatchObject({ summary: { AP: expect.closeTo(1, 9) as number } });
    await expect(evaluate('14')).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    await expect(evaluate('\u0131\u0133')).rejects.toMatchObject({ code: 'DATASET_INVALID' }); // not '13', whatever their lower bytes
    await expect(evaluate('1')).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    expect(() => RunLengthMasks.from([{ size: [2, 2], counts: [1, -1] }])).toThrow('masks[0].counts[1]');
    expect(() => RunLengthMasks.from([{ size: [2 ** 32 + 2, 2], counts: '13' }])).toThrow('masks[0].size');
  });
});

describe('readCocoResults', () => {
  const file = join(folder, 'results.json');
  const ids = { kind: 'box', imageIds: [3, 9], categoryIds: [1, 18] } as const;

  it('gives places for ids', async () => {
    writeFileSync(file, JSON.stringify([{ image_id: 9, category_id: 18, bbox: [1, 2, 3, 4], score: 0.25 }]));
    expect(await readCocoResults(file, ids)).toEqual({
      images: Int32Array.of(1),
      categories: Int32Array.of(1),
      boxes: Float64Array.of(1, 2, 3, 4),
      scores: Float64Array.of(0.25),
    });
  });

  it('takes areas of boxes where masks have boxes, as pycocotools does', async () => {
    const result = { image_id: 9, category_id: 18, score: 0.25, segmentation: { size: [2, 2], counts: '13' } };
    writeFileSync(file, JSON.stringify([{ ...result, bbox: [0, 0, 5, 5] }]));
    const withBoxes = await readCocoResults(file, { ...ids, kind: 'mask' });
    expect(withBoxes.areas).toEqual(Float64Array.of(25));
    writeFileSync(file, JSON.stringify([result]));
    const without = await readCocoResults(file, { ...ids, kind: 'mask' });
    expect(without.areas).toBeUndefined();
    expect((without.masks as RunLengthMasks).at(0)).toEqual({ size: [2, 2], counts: '13' });
  });

  it('names the file and the field of what is wrong', async () => {
    writeFileSync(file, '[{"image_id":9,"category_id":18,"bbox":[1,2,3,4],"score":NaN}]');
    const message = `${file}: [0].score: expected a finite number but received NaN`;
    await expect(readCocoResults(file, ids)).rejects.toMatchObject({ code: 'DATASET_INVALID', message });
    await expect(readCocoResults(join(folder, 'none.json'), ids)).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
  });

  it('does not wait for what is no file, and says of an empty one that it is', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(readCocoResults(pipe, ids)).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
    writeFileSync(file, '');
    await expect(readCocoResults(file, ids)).rejects.toThrow('it is empty');
  });
});

describe('rasterizePolygons', () => {
  const square = (x: number, y: number): number[] => [x, y, x + 2, y, x + 2, y + 2, x, y + 2];

  it('unites any number of polygons', async () => {
    const side = 40;
    const polygons = Array.from({ length: 333 }, (_, i) => square((i * 7) % (side - 2), (i * 13) % (side - 2)));
    const parts = await rasterizePolygons(polygons.map((polygon) => ({ polygons: [polygon], height: side, width: side })));
    const united = await rasterizePolygons([{ polygons, height: side, width: side }]);
    const expected = polygons.map((_, i) => pixelsOf(parts.at(i))).reduce((all, mask) => all.map((pixel, i) => pixel | mask[i]!));
    expect(pixelsOf(united.at(0))).toEqual(expected);
  });

  it('refuses sizes that are none, and stops when it is aborted', async () => {
    const polygons = [square(1, 1)];
    await expect(rasterizePolygons([{ polygons, height: 2 ** 32 + 8, width: 8 }])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(rasterizePolygons([{ polygons, height: 8, width: 0 }])).rejects.toMatchObject({ code: 'DATASET_INVALID' });
    // Each edge has millions of points on the grid: all of them would take a minute.
    const zigzag = Array.from({ length: 4000 }, (_, i) => [i % 2 === 0 ? -1e6 : 1e6, i % 400]).flat();
    const controller = new AbortController();
    const drawn = rasterizePolygons([{ polygons: [zigzag], height: 400, width: 400 }], { signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await expect(drawn).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('truthOfDataset', () => {
  const annotation = { category: 0, isCrowd: false, isIgnored: false, attributes: {} };
  const image = (id: number, annotations: DatasetImage['annotations']): DatasetImage => ({
    ...{ id, name: `${id}.jpg`, path: `${id}.jpg`, width: 20, height: 10, categories: [], attributes: {}, annotations },
  });
  const polygon = [2, 2, 8, 2, 8, 6, 2, 6];

  it('orders pictures by id, and makes masks of polygons and of runs', async () => {
    const runs = { size: [10, 20], counts: [0, 200] } as const;
    const images = [
      image(5, [{ ...annotation, segmentation: runs, isCrowd: true }]),
      image(2, [{ ...annotation, segmentation: [polygon] }]),
    ];
    const { truth: made, imageIds } = await truthOfDataset(images, { kind: 'mask' });
    expect(imageIds).toEqual([2, 5]);
    const [drawn] = [await rasterizePolygons([{ polygons: [polygon], height: 10, width: 20 }])];
    expect(made.masks).toEqual([drawn.at(0), runs]);
    expect(made.crowd).toEqual(Uint8Array.of(0, 1));
    expect([...made.boxes.subarray(0, 4)]).toEqual([2, 2, 6, 4]);
    expect(made.areas).toBeUndefined();
  });

  it('names the picture that lacks what is compared', async () => {
    await expect(truthOfDataset([image(4, [annotation])], { kind: 'box' })).rejects.toMatchObject({
      code: 'DATASET_UNSUPPORTED',
      message: 'Expected a box of annotation in picture "4.jpg" but there is none',
    });
    const broken = [image(4, [{ ...annotation, segmentation: [[1, 2, 3, 4]] }])];
    await expect(truthOfDataset(broken, { kind: 'mask' })).rejects.toMatchObject({ code: 'DATASET_INVALID' });
  });
});
