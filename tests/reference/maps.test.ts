/** Dense maps and embeddings against the packages that they come from; the fixtures' form is described in the scripts of heads/. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { DensePredictor, Detector, Embedder, Embedding, type Box, type DensePredictorOptions } from '../../lib/index.js';
import { constantModel } from '../tasks/made-models.js';
import { sharedFolder, sharedPresent } from './shared.js';

function readFixture<T>(name: string): T {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/heads', `${name}.json`), 'utf8')) as T;
}

const bytesOf = (text: string): Uint8Array => new Uint8Array(inflateSync(Buffer.from(text, 'base64')));
const floatsOf = (text: string): Float32Array => new Float32Array(bytesOf(text).buffer);

interface MapFixture {
  readonly reference: string;
  readonly input: { readonly name: string; readonly shape: readonly number[] };
  readonly outputs: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly cases: readonly {
    readonly source: readonly [number, number];
    readonly raw: Readonly<Record<string, string>>;
    readonly expected: { readonly map: string };
  }[];
}

async function predict(fixture: MapFixture, given: MapFixture['cases'][number], options: DensePredictorOptions) {
  const outputs = fixture.outputs.map((output) => ({ ...output, values: floatsOf(given.raw[output.name]!) }));
  const { shape, name: inputName } = fixture.input;
  await using predictor = await DensePredictor.load(constantModel({ input: shape, inputName, outputs }), {
    ...options,
    threads: 1,
  });
  const [width, height] = given.source;
  return predictor.predict({ data: new Uint8Array(width * height * 3), width, height, format: 'rgb' });
}

describe('dense maps', () => {
  const depth = readFixture<MapFixture>('depth');
  test.each(depth.cases)('depth for $source equals the reference', async (given) => {
    const map = await predict(depth, given, { interpolation: 'bicubic' });
    const expected = floatsOf(given.expected.map);
    const range = map.max - map.min;
    const worst = Math.max(...map.values.map((value, i) => Math.abs(value - expected[i]!))) / range;
    console.log(
      `depth ${given.source.join(' x ')} (${depth.reference}): worst difference ${worst.toExponential(1)} of the range`,
    );
    expect(map.values.length).toBe(expected.length);
    expect(worst).toBeLessThan(1e-5);
  });

  const saliency = readFixture<MapFixture>('u2net');
  test.each(saliency.cases)('saliency for $source equals the reference but for its rounding', async (given) => {
    const map = await predict(saliency, given, { scaling: 'min-max', interpolation: 'lanczos' });
    const expected = bytesOf(given.expected.map);
    // The reference cuts values to bytes before it resizes them.
    const differences = map.values.map((value, i) => Math.abs(Math.min(Math.max(value * 255, 0), 255) - expected[i]!));
    const worst = Math.max(...differences);
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    console.log(
      `saliency ${given.source.join(' x ')} (${saliency.reference}): worst ${worst.toFixed(2)}, mean ${mean.toFixed(2)} of 255 levels`,
    );
    expect(worst).toBeLessThan(2.5);
    expect(mean).toBeLessThan(0.6);
  });
});

describe('zero-shot classification', () => {
  interface Side {
    readonly images: number;
    readonly texts: number;
    readonly imageFeatures: string;
    readonly textFeatures: string;
    readonly logit_scale: number;
    readonly logit_bias?: number;
    readonly probabilities: readonly (readonly number[])[];
  }
  const fixture = readFixture<{ clip: Side; siglip: Side }>('zero_shot');
  test.each([
    ['clip', 'softmax'],
    ['siglip', 'sigmoid'],
  ] as const)('%s gives the probabilities of the reference', async (name, activation) => {
    const side = fixture[name];
    const [pictures, texts] = [floatsOf(side.imageFeatures), floatsOf(side.textFeatures)];
    const size = pictures.length / side.images;
    const vectors = Object.fromEntries(
      Array.from({ length: side.texts }, (_, i) => [`text ${i}`, texts.slice(i * size, (i + 1) * size)]),
    );
    for (let i = 0; i < side.images; i++) {
      const embedding = await embeddingOf(pictures.slice(i * size, (i + 1) * size));
      const ranked = embedding.classify(vectors, {
        activation,
        logitScale: Math.exp(side.logit_scale),
        logitBias: side.logit_bias ?? 0,
      });
      for (const { classId, score } of ranked) expect(Math.abs(score - side.probabilities[i]![classId]!)).toBeLessThan(2e-6);
      expect(ranked.length).toBe(side.texts);
    }
  });

  async function embeddingOf(values: Float32Array): Promise<Embedding> {
    const outputs = [{ name: 'image_embeds', shape: [1, values.length], values }];
    await using embedder = await Embedder.load(constantModel({ input: [1, 3, 32, 32], outputs }), { preprocess: 'clip' });
    return embedder.embed({ data: new Uint8Array(3), width: 1, height: 1, format: 'rgb' });
  }
});

describe.skipIf(!sharedPresent)('real models', () => {
  test('mobilefacenet: vectors within 1e-4 of the reference', async () => {
    const { pictures } = readFixture<{ pictures: Record<string, string> }>('mobilefacenet');
    await using embedder = await Embedder.load(join(sharedFolder, 'models/mobilefacenet_112.onnx'), {
      threads: 1,
      preprocess: { fit: 'stretch', interpolation: 'bilinear', scale: 1, mean: [127, 127, 127], std: [128, 128, 128] },
    });
    let [worst, least] = [0, 1];
    for (const [name, text] of Object.entries(pictures)) {
      const bytes = Buffer.from(text, 'base64');
      const expected = new Float32Array(new Uint8Array(bytes).buffer);
      const file = ['scenes', 'imagenet'].map((folder) => join(sharedFolder, 'images', folder, name)).find(existsSync);
      const embedding = await embedder.embed(file!);
      worst = Math.max(worst, ...embedding.vector.map((value, i) => Math.abs(value - expected[i]!)));
      least = Math.min(least, embedding.similarity(expected));
    }
    console.log(
      `mobilefacenet: ${Object.keys(pictures).length} vectors, worst difference ${worst.toExponential(1)}, least cosine ${least}`,
    );
    expect(worst).toBeLessThan(1e-4);
  });

  test('ultraface: the faces of the reference', async () => {
    type Faces = { width: number; height: number; boxes: Box[]; scores: number[] };
    const { pictures } = readFixture<{ pictures: Record<string, Faces> }>('ultraface');
    await using detector = await Detector.load(join(sharedFolder, 'models/ultraface_rfb_320.onnx'), {
      threads: 1,
      labels: ['face'],
      scoreThreshold: 0.7,
      iouThreshold: 0.3,
      ssd: {
        boxes: 'raw',
        clip: true,
        priors: [
          { grid: [40, 30], sizes: [10, 16, 24] },
          { grid: [20, 15], sizes: [32, 48] },
          { grid: [10, 8], sizes: [64, 96] },
          { grid: [5, 4], sizes: [128, 192, 256] },
        ],
      },
    });
    expect(detector.head).toBe('ssd');
    let [faces, worst, score] = [0, 0, 0];
    for (const [name, expected] of Object.entries(pictures)) {
      const found = [...(await detector.detect(join(sharedFolder, 'images/scenes', name)))];
      expect(found.length, name).toBe(expected.boxes.length);
      found.forEach((face, i) => {
        face.box.forEach((value, side) => (worst = Math.max(worst, Math.abs(value - expected.boxes[i]![side]!))));
        score = Math.max(score, Math.abs(face.score - expected.scores[i]!));
      });
      faces += found.length;
    }
    console.log(
      `ultraface: ${faces} faces on ${Object.keys(pictures).length} pictures, worst box ${worst.toExponential(1)} px, worst score ${score.toExponential(1)}`,
    );
    expect(faces).toBeGreaterThan(20);
    expect(worst).toBeLessThan(0.05);
    expect(score).toBeLessThan(1e-4);
  });
});
