/**
 * One model gives the same results on every runtime that is present. The carrier's ONNX Runtime is what all others are held
 * against: another release of it, and CUDA where a machine has that.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { boxAgreement, maskAgreement, predictionAgreement } from '../../lib/metrics/index.js';
import { projectRoot, runProgram } from '../package/node-child.js';

interface Runtime {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Found {
  readonly image: string;
  readonly top: number;
  readonly boxes: readonly number[];
  readonly classIds: readonly number[];
  readonly map: string;
  readonly width: number;
  readonly height: number;
}

const carrier: Runtime = { name: 'the carrier, cpu', env: { FOVEATE_PARITY_DEVICE: 'cpu' } };
const child = join(import.meta.dirname, 'parity-child.mjs');

const shared = join(projectRoot, '../shared');
const example = (path: string): string => join(projectRoot, 'examples', path);
const picturesIn = (folder: string, wanted: RegExp): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => wanted.test(name))
        .sort()
        .map((name) => join(folder, name))
    : [];
const shapes = picturesIn(example('pictures'), /^(?!.*mask).*\.(jpg|png)$/);
const models = [
  { model: example('models/shapes-classifier.onnx'), pictures: shapes },
  { model: example('models/shapes-detector.onnx'), pictures: shapes },
  { model: example('models/shapes-segmenter.onnx'), pictures: shapes },
  { model: join(shared, 'models/mobilenetv2_fp32.onnx'), pictures: picturesIn(join(shared, 'images/imagenet'), /\.jpe?g$/i) },
  {
    model: join(shared, 'models/yolov8n_fp32.onnx'),
    pictures: picturesIn(join(shared, 'images/scenes'), /\.jpe?g$/i).slice(0, 12),
  },
];

/** Every runtime besides the carrier's. */
async function otherRuntimes(): Promise<Runtime[]> {
  const runtimes: Runtime[] = [];
  const older = await runProgram(process.execPath, ['tests/package/older-onnxruntime.mjs'], {
    cwd: projectRoot,
    timeoutMs: 300_000,
  });
  const folder = older.stdout.trim().split('\n').at(-1) ?? '';
  const library = join(folder, `node_modules/onnxruntime-node/bin/napi-v3/linux/${process.arch}/libonnxruntime.so.1`);
  if (older.code === 0 && existsSync(library)) {
    runtimes.push({ name: 'onnxruntime 1.20.1, cpu', env: { FOVEATE_ONNXRUNTIME_PATH: library, FOVEATE_PARITY_DEVICE: 'cpu' } });
  }
  const { FOVEATE_ONNXRUNTIME_PATH: own } = process.env;
  const cuda = await run(
    { name: '', env: { FOVEATE_PARITY_DEVICE: 'cuda', ...(own && { FOVEATE_ONNXRUNTIME_PATH: own }) } },
    models[0],
  );
  if (cuda !== undefined) runtimes.push({ name: 'cuda', env: { FOVEATE_PARITY_DEVICE: 'cuda' } });
  return runtimes;
}

/** undefined where the runtime cannot be used. */
async function run(
  { env }: Runtime,
  { model, pictures }: (typeof models)[number] = models[0] as (typeof models)[number],
): Promise<Found[] | undefined> {
  const { code, stdout } = await runProgram(process.execPath, [child, model, ...pictures], { env, timeoutMs: 300_000 });
  if (code !== 0) return undefined;
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Found);
}

describe('every runtime that is present', { timeout: 600_000 }, () => {
  let others: Runtime[] = [];
  beforeAll(async () => {
    others = await otherRuntimes();
    console.log(`held against ${carrier.name}: ${others.map(({ name }) => name).join('; ') || 'no other runtime is present'}`);
  }, 600_000);

  it('is at least one besides the carrier', () => expect(others.map(({ name }) => name)).toContain('onnxruntime 1.20.1, cpu'));

  for (const entry of models) {
    const name = entry.model.split('/').at(-1) as string;
    it.skipIf(!existsSync(entry.model) || entry.pictures.length === 0)(`finds the same as the carrier: ${name}`, async () => {
      const first = (await run(carrier, entry)) as Found[];
      expect(first).toHaveLength(entry.pictures.length);
      for (const other of others) {
        const second = await run(other, entry);
        if (second === undefined) throw new Error(`${other.name} does not run ${name}`);
        await expectSame(first, second, other.name);
      }
    });
  }
});

async function expectSame(first: readonly Found[], second: readonly Found[], runtime: string): Promise<void> {
  const [one] = first as [Found];
  if (one.top !== undefined) {
    const tops = [first, second].map((found) => Int32Array.from(found, ({ top }) => top)) as [Int32Array, Int32Array];
    expect(predictionAgreement(...tops, Math.max(...tops.flatMap((ids) => [...ids])) + 1).top1, runtime).toBeGreaterThanOrEqual(
      0.99,
    );
  } else if (one.boxes !== undefined) {
    const boxes = [first, second].map((found) =>
      found.map(({ boxes, classIds }) => ({ boxes: Float64Array.from(boxes), classIds: Int32Array.from(classIds) })),
    );
    const { f1, meanIou, matched } = boxAgreement(boxes[0] ?? [], boxes[1] ?? [], { iouThreshold: 0.95 });
    expect(matched, runtime).toBeGreaterThan(10);
    expect(f1, runtime).toBeGreaterThanOrEqual(0.99);
    expect(meanIou, runtime).toBeGreaterThanOrEqual(0.95);
  } else {
    const maps = [first, second].map((found) =>
      found.map(({ map, width, height }) => ({ data: new Uint8Array(Buffer.from(map, 'base64')), width, height })),
    );
    const { pixels } = await maskAgreement(maps[0] ?? [], maps[1] ?? [], { classes: 7 });
    expect(pixels, runtime).toBeGreaterThanOrEqual(0.99);
  }
}
