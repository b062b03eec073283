/** Calibration with the demo's models on made scenes: what decides over the table, and what does not. */
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { FoveateError } from '../../lib/errors/index.js';
import { calibrate, mergeTables, tensorRtRanges, type CalibrateOptions } from '../../lib/optimize/index.js';
import { CalibrationTable } from '../../lib/precision/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { shared } from '../session/fixtures.js';
import { pngOf, scenePixels, writeScenes } from './made-scenes.js';

const example = (path: string): string => join(import.meta.dirname, '../../examples', path);
const classifier = example('models/shapes-classifier.onnx');
// Scenes are not what it was trained on, and it may react to them as it likes.
const forced = { force: true, threads: 1 } as const;

let folder: string;
let scenes: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-calibrate-'));
  scenes = await writeScenes(join(folder, 'scenes'), 24);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** All but the means of channels, whose last digit depends on how often a run was interrupted. */
function counted({ model, pictures, seed, wanted, tensors }: CalibrationTable): unknown {
  return {
    ...{ model, pictures, seed, wanted },
    tensors: tensors.map(({ channels, ...others }) => ({ ...others, channels: channels && [channels.min, channels.max] })),
  };
}

const hashes = ({ pictures }: CalibrationTable): string[] => pictures.map(({ sha256 }) => sha256);
const reasonsOf = (error: FoveateError): { code: string; message: string }[] => error.details['reasons'] as never;

describe('calibrate', { timeout: 180_000 }, () => {
  it('chooses pictures by what is in them: names, order and lanes change nothing, the seed does', async () => {
    const renamed = await writeScenes(join(folder, 'renamed'), 24, { name: (seed) => `${97 - seed}.png` });
    const options = { ...forced, pictures: 10 };
    const table = await calibrate(classifier, { ...options, data: scenes, lanes: 1 });
    const other = await calibrate(classifier, {
      ...options,
      data: readdirSync(renamed).map((name) => join(renamed, name)),
      lanes: 3,
    });
    expect(counted(other)).toEqual(counted(table));
    expect(table.pictures).toHaveLength(10);
    const seeded = await calibrate(classifier, { ...options, data: join(scenes, '*.png'), seed: 1 });
    expect(hashes(seeded)).not.toEqual(hashes(table));
    const more = await calibrate(classifier, { ...options, data: scenes, pictures: 14 });
    expect(hashes(more)).toEqual(expect.arrayContaining(hashes(table)));
    for (const { max } of (await tensorRtRanges(table)).values()) expect(max).toBeGreaterThan(0);
  });

  it('takes all where there are fewer, and goes on with merged tables', async () => {
    const whole = await calibrate(classifier, { ...forced, data: scenes, pictures: 100 });
    expect(whole).toMatchObject({ wanted: 24, partial: false });
    const parts = await Promise.all(
      [0, 12].map(async (first) =>
        calibrate(classifier, { ...forced, data: await writeScenes(join(folder, `from-${first}`), 12, { first }) }),
      ),
    );
    expect(parts[0]!.doubts.map(({ code }) => code)).toContain('TOO_FEW_PICTURES');
    const merged = mergeTables(parts, { force: true });
    expect(counted(merged)).toEqual(counted(whole));
    expect(merged.doubts.map(({ code }) => code)).not.toContain('TOO_FEW_PICTURES');
  });

  it('goes on where it was interrupted, to the table of a run that was not', async () => {
    const path = join(folder, 'table.json');
    const whole = await calibrate(classifier, { ...forced, data: scenes, pictures: 20 });
    const controller = new AbortController();
    const options: CalibrateOptions = { ...forced, data: scenes, pictures: 20, table: path };
    const onProgress = ({ pictures }: { pictures: number }): void => {
      if (pictures === 7) controller.abort();
    };
    const error = await rejectionOf(calibrate(classifier, { ...options, signal: controller.signal, onProgress }));
    expect(error.code).toBe('ABORTED');
    const part = await CalibrationTable.read(path);
    expect(part.partial).toBe(true);
    expect(part.pictures.length).toBeGreaterThanOrEqual(7);
    expect(part.pictures.length).toBeLessThan(20);
    const seen: number[] = [];
    const resumed = await calibrate(classifier, { ...options, resume: true, onProgress: ({ pictures }) => seen.push(pictures) });
    expect(seen).toHaveLength(20 - part.pictures.length);
    expect(counted(resumed)).toEqual(counted(whole));
    resumed.tensors.forEach(({ channels }, i) => {
      channels?.mean.forEach((value, c) => expect(value).toBeCloseTo(whole.tensors[i]!.channels!.mean[c]!, 9));
    });
    expect(await CalibrationTable.read(path)).toEqual(resumed);
    // Done already: nothing is run.
    expect(counted(await calibrate(classifier, { ...options, resume: true }))).toEqual(counted(whole));
    for (const [change, message] of [
      [{ seed: 3 }, /seed 0, not 3/],
      [{ pictures: 19 }, /has 20 pictures, and 19 are asked for|not among those that are chosen/],
      [{ preprocess: { scale: 1 } }, /other preprocessing: scale/],
      [{ data: join(folder, 'from-12') }, /of its 20 pictures are not among those/],
    ] as const) {
      const refused = await rejectionOf(calibrate(classifier, { ...options, ...change, resume: true }));
      expectFailure(refused, 'CALIBRATION_INVALID', message);
    }
  });

  it('skips what cannot be read, and stops where that is much', async () => {
    const odd = await writeScenes(join(folder, 'odd'), 20);
    writeFileSync(join(odd, 'damaged.png'), readFileSync(join(odd, 'scene-0.png')).subarray(0, 60));
    writeFileSync(join(odd, 'empty.jpg'), '');
    const skipped: string[] = [];
    const table = await calibrate(classifier, { ...forced, data: odd, onSkipped: (path) => skipped.push(path) });
    expect(skipped.map((path) => path.slice(odd.length + 1)).sort()).toEqual(['damaged.png', 'empty.jpg']);
    expect(table).toMatchObject({ wanted: 20, partial: false });
    expect(table.doubts.map(({ code }) => code)).not.toContain('UNREADABLE_PICTURES');
    for (const name of ['a.png', 'b.png']) writeFileSync(join(odd, name), name);
    const error = await rejectionOf(
      calibrate(classifier, { data: [...readdirSync(odd), 'none.png'].map((name) => join(odd, name)) }),
    );
    expect(reasonsOf(error)).toContainEqual({
      code: 'UNREADABLE_PICTURES',
      message: '5 of 25 pictures cannot be read. Remove or replace them.',
    });
    const nothing = await rejectionOf(calibrate(classifier, { ...forced, data: [join(odd, 'a.png')] }));
    expectFailure(nothing, 'DATASET_INVALID', /none of 1 can be read/);
  });

  it('stops soon where a caller throws', async () => {
    let told = 0;
    const onProgress = (): void => {
      if (++told === 1) throw new Error('not interested');
    };
    const options = { ...forced, data: scenes, lanes: 1 };
    await expect(calibrate(classifier, { ...options, onProgress })).rejects.toThrow('not interested');
    expect(told).toBeLessThan(4); // of 24: what had begun
  });

  it('stops for few pictures, copies and the dark, with all reasons at once', async () => {
    const table = join(folder, 'doubtful.json');
    const four = await rejectionOf(calibrate(classifier, { data: await writeScenes(join(folder, 'four'), 4), table }));
    expect(existsSync(table)).toBe(false);
    expectFailure(four, 'CALIBRATION_DOUBTFUL', /4 pictures are too few/, /option force/);
    const copies = join(folder, 'copies');
    await writeScenes(copies, 1);
    for (let i = 0; i < 63; i++) copyFileSync(join(copies, 'scene-0.png'), join(copies, `copy-${i}.png`));
    expectFailure(
      await rejectionOf(calibrate(classifier, { data: copies })),
      'CALIBRATION_DOUBTFUL',
      /Only 1 picture of 64 is different/,
    );
    // The same pixels in other files, and pixels of the same scene with noise.
    const png = await pngOf(scenePixels(5));
    const noisy = join(folder, 'noisy');
    await writeScenes(noisy, 1, { first: 5 });
    for (let i = 0; i < 10; i++) {
      writeFileSync(join(noisy, `same-${i}.png`), Buffer.concat([png, Buffer.from(`trailing ${i}`)]));
      writeFileSync(
        join(noisy, `noisy-${i}.png`),
        await pngOf(scenePixels(5).map((level, at) => level ^ (at % (i + 5) === 0 ? 1 : 0))),
      );
    }
    expectFailure(
      await rejectionOf(calibrate(classifier, { data: noisy })),
      'CALIBRATION_DOUBTFUL',
      /show only 1 different scene/,
    );
    const dark = join(folder, 'dark');
    await writeScenes(dark, 4);
    for (let i = 0; i < 4; i++)
      writeFileSync(join(dark, `dark-${i}.png`), await pngOf(scenePixels(i + 50).map((level) => level / 25)));
    const both = await rejectionOf(calibrate(classifier, { data: dark }));
    expect(reasonsOf(both).map(({ code }) => code)).toEqual(expect.arrayContaining(['TOO_FEW_PICTURES', 'DARK_PICTURES']));
    expect(both.message).toMatch(/^The ranges would be wrong, for \d reasons:\n {2}- 8 pictures/);
  });

  it('says what is wrong with how it is called', async () => {
    const call = (options: object, model = classifier) => rejectionOf(calibrate(model, { data: scenes, ...options }));
    expectFailure(await call({ picturs: 3 }), 'UNKNOWN_OPTION', /picturs/, /pictures/);
    expectFailure(await call({ pictures: 0 }), 'INVALID_ARGUMENT', /an integer from 1/);
    expectFailure(await call({ data: undefined }), 'INVALID_ARGUMENT', /a folder, a pattern/);
    expectFailure(await call({ data: join(folder, 'none') }), 'DATASET_NOT_FOUND', /no such file or folder/);
    expectFailure(await call({ data: join(scenes, '*.jpg') }), 'DATASET_NOT_FOUND', /no picture matches/);
    expectFailure(await call({}, join(folder, 'no.onnx')), 'MODEL_NOT_FOUND', /no\.onnx/);
    writeFileSync(join(folder, 'broken.json'), '{');
    expectFailure(await call({ table: join(folder, 'broken.json'), resume: true }), 'CALIBRATION_INVALID', /no JSON/);
  });
});

const sharedFile = (path: string): string => shared(path) ?? '';

describe.skipIf(shared('models/yolov8n_fp32.onnx') === undefined)('the guard of preprocessing', { timeout: 300_000 }, () => {
  const data = sharedFile('images/scenes');
  const photos = sharedFile('images/imagenet');
  const yolox = sharedFile('models/yolox_nano_416.onnx');
  const mobilenet = sharedFile('models/mobilenetv2_fp32.onnx');
  const few = { force: true, pictures: 8 } as const;
  const doubtsOf = async (model: string, options: Partial<CalibrateOptions>): Promise<string[]> =>
    (await calibrate(model, { ...few, data, ...options })).doubts.map(({ code, message }) => `${code} ${message}`);

  it.each([
    ['yolov8n_fp32', data, {}],
    ['yolox_nano_416', data, {}],
    ['ultraface_rfb_320', data, { ssd: { boxes: 'decoded' } }],
    ['mobilenetv2_fp32', photos, {}],
    ['prisma_portrait_seg_256', data, {}],
    [
      'mobilefacenet_112',
      data,
      { task: 'embed', preprocess: { scale: 1, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] } },
    ],
  ] as const)('lets %s be with what it was trained on', async (name, pictures, options) => {
    const doubts = await doubtsOf(sharedFile(`models/${name}.onnx`), { ...(options as object), data: pictures });
    expect(doubts).toEqual([expect.stringMatching(/^TOO_FEW_PICTURES/)]);
  });

  it('tells what the metadata declares, and what its reaction adds', async () => {
    const yolov8n = sharedFile('models/yolov8n_fp32.onnx');
    const bgr = await doubtsOf(yolov8n, { preprocess: { color: 'bgr' } });
    expect(bgr).toContain("OTHER_PREPROCESSING The preprocessing is not the model's own: its metadata tells RGB instead of BGR.");
    const whole = await doubtsOf(yolov8n, { preprocess: { scale: 1 } });
    expect(whole.join('\n')).toMatch(
      /metadata tells values from 0 to 1 instead of 0 to 255\. With that, it finds \d+ % of the objects/,
    );
  });

  it('tells what the family of a detector takes', async () => {
    expect((await doubtsOf(yolox, { preprocess: 'yolo' })).join('\n')).toMatch(
      /preset yolox, which has BGR instead of RGB and values from 0 to 255/,
    );
  });

  it('tells what a classifier is surer with', async () => {
    expect((await doubtsOf(mobilenet, { data: photos, preprocess: { color: 'bgr' } })).join('\n')).toMatch(
      /classifiers mostly take RGB instead of BGR\. With that, its answers are surer, with an entropy of \d\.\d+ nats instead of \d/,
    );
    expect((await doubtsOf(mobilenet, { data: photos, preprocess: { scale: 1 } })).join('\n')).toMatch(
      /values from -2\.12 to 2\.64 instead of/,
    );
  });
});
