/** Pictures that stand in where there are none, and a model that is optimised by them. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDataset } from '../../lib/dataset/index.js';
import { Picture } from '../../lib/image/index.js';
import { generatePictures } from '../../lib/optimize/generated-pictures.js';
import { optimizeModel, type OptimizeOptions } from '../../lib/optimize/index.js';
import { models, picturesFolder } from '../cli/foveate.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-generated-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('generated pictures', () => {
  it('are the same for a seed, and others for another', async () => {
    const made = async (name: string, seed: number): Promise<Buffer[]> =>
      (await generatePictures(join(folder, name), 3, seed, {})).map((path) => readFileSync(path));
    const [first, again, other] = [await made('first', 7), await made('again', 7), await made('other', 8)];
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
    expect(new Set(first.map((bytes) => bytes.toString('base64'))).size).toBe(3);
  });

  it('have what photographs have: all of the brightness, few strong colours, edges at every scale', async () => {
    const [path] = (await generatePictures(folder, 1, 0, {})) as [string];
    using picture = await Picture.read(path);
    const { width, height, data } = picture;
    const grey = Float64Array.from(
      { length: width * height },
      (_, i) => (data[3 * i]! + data[3 * i + 1]! + data[3 * i + 2]!) / 3,
    );
    expect(grey.reduce((least, value) => Math.min(least, value))).toBeLessThan(20);
    expect(grey.reduce((most, value) => Math.max(most, value))).toBeGreaterThan(180);
    // The difference of pixels d apart: of white noise it would be the same at all distances, of one plain surface it would grow with them.
    const differenceAt = (d: number): number => {
      let sum = 0;
      let count = 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x + d < width; x++, count++) sum += Math.abs(grey[y * width + x]! - grey[y * width + x + d]!);
      }
      return sum / count;
    };
    const [near, middle, far] = [differenceAt(1), differenceAt(8), differenceAt(64)];
    expect(middle / near).toBeGreaterThan(1.3);
    expect(far / middle).toBeGreaterThan(1.1);
    expect(far / middle).toBeLessThan(3);
  });

  it('stop where they are told to', async () => {
    const stop = new AbortController();
    const call = generatePictures(folder, 5, 0, { signal: stop.signal, onProgress: (done) => done === 2 && stop.abort() });
    expectFailure(await rejectionOf(call), 'ABORTED', /./);
    expect(existsSync(join(folder, '002.png'))).toBe(false);
  });
});

describe('a model without pictures', () => {
  const optimized = (changes: Partial<OptimizeOptions>) =>
    optimizeModel(models.classifier, {
      dataFree: true,
      precision: 'int8',
      output: join(folder, 'bundle'),
      threads: 1,
      ...changes,
    });

  it('is calibrated with generated ones, and nothing is said of what it lost', async () => {
    const report = await optimized({});
    expect(report.calibration).toMatchObject({ pictures: 32, generated: true, heldBack: 0 });
    expect(report.forms.map(({ agreement }) => agreement)).toEqual([undefined, undefined, undefined]);
    expect(report.notices[0]).toMatch(/No pictures were given.*nothing is known of what is lost/);
    expect(report.notices.join()).not.toContain('Forced');
    expect(report.layers.some(({ precision }) => precision.tensorrt === 'int8')).toBe(true);
    const page = readFileSync(join(folder, 'bundle', 'report', 'report.md'), 'utf8');
    expect(page).toContain('Calibrated with 32 generated pictures');
    expect(page).toContain('with none to measure agreement on');
  }, 60_000);

  it('is evaluated by all labelled pictures, where there are some', async () => {
    const labelled = await openDataset(join(picturesFolder, 'classify.csv'), { images: picturesFolder });
    const report = await optimized({ labelled, pictures: 16 });
    expect(report.calibration).toMatchObject({ pictures: 16, generated: true, heldBack: 0 });
    expect(report.forms.map(({ agreement }) => agreement)).toEqual([undefined, undefined, undefined]);
    expect(report.notices[0]).toMatch(/No pictures were given.*told by the labels alone/);
    for (const { form, accuracy } of report.forms) {
      expect(accuracy, form).toMatchObject({ dataset: 'classify.csv', pictures: labelled.size });
      expect(accuracy!.comparison.length > 0, form).toBe(form !== 'float32');
    }
  }, 60_000);

  it('takes none beside them, and searches for nothing', async () => {
    for (const [change, told] of [
      [{ data: folder }, /nothing beside dataFree.*data/],
      [{ calibration: 'table.json' }, /nothing beside dataFree.*calibration/],
      [{ pictures: 15 }, /at least 16 that are generated/],
      [{ budget: { bytes: 1e6 } }, /pictures by which a search can tell/],
      [{ precision: 'auto' }, /pictures by which a search can tell/],
      [{ dataFree: false }, /data/],
    ] as const) {
      expectFailure(await rejectionOf(optimized(change)), 'INVALID_ARGUMENT', told);
    }
  });
});
