/** The batch of real models is freed: tests/graph/freed.ts says what is asked of them. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { freeBatch, parseModel, type ModelProto } from '../../lib/graph/index.js';
import { example } from '../session/fixtures.js';
import { checkFreed } from './freed.js';
import { inputsOf } from './made-graphs.js';
import { folders, modelPath } from './models.js';

const missing = !existsSync(folders.shared);
if (missing) console.warn(`SKIPPED: there is no ${folders.shared}, so only example models are freed`);

const read = (file: string): ModelProto => parseModel(new Uint8Array(readFileSync(file))).proto;
const ofShared = (name: string): ModelProto => read(modelPath('shared', `${name}.onnx`));
const ofExamples = (name: string): ModelProto => read(path.join(example('models'), `${name}.onnx`));

/** The same with a batch of 1, as most models are published: all that tells of a free one inside stays. */
function fixed(model: ModelProto): ModelProto {
  const copy = structuredClone(model.graph?.input ?? []);
  for (const { type } of copy) {
    const shape = type?.value.case === 'tensorType' ? type.value.value.shape : undefined;
    if (shape?.dim[0]?.value.case === 'dimParam') shape.dim[0].value = { case: 'dimValue', value: 1n };
  }
  const graph = Object.assign(Object.create(Object.getPrototypeOf(model.graph) as object), model.graph, {
    input: copy,
  }) as object;
  return Object.assign(Object.create(Object.getPrototypeOf(model) as object) as ModelProto, model, { graph });
}

/** Engines add up in another order for several pictures than for one: of mobilefacenet and yolo the bits are the same, of ultraface not. */
const tolerance = 1e-5;

describe('a model with a fixed batch', () => {
  it.skipIf(missing).each(['mobilefacenet_112', 'ultraface_rfb_320', 'yolov8n_fp32', 'yolox_nano_416'])(
    'shared/%s gives of each of three pictures what it gives of one',
    async (name) => {
      await checkFreed(ofShared(name), tolerance);
    },
  );

  it.skipIf(missing)('shared/yolov8n_dynq_int8 is refused: its scales are those of all pictures together', () => {
    expect(() => freeBatch(ofShared('yolov8n_dynq_int8'))).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNSUPPORTED',
        message: expect.stringMatching(/DynamicQuantizeLinear .* one scale/),
      }) as Error,
    );
  });
});

describe('a model with a free batch', () => {
  it.skipIf(missing).each(['mobilenetv2_dynq_int8', 'mobilenetv2_fp32', 'prisma_portrait_seg_256'])(
    'shared/%s is that itself',
    (name) => {
      const model = ofShared(name);
      expect(freeBatch(model)).toBe(model);
    },
  );

  it.skipIf(missing).each(['mobilenetv2_fp32', 'prisma_portrait_seg_256'])(
    'shared/%s is freed again where it was fixed',
    async (name) => {
      const model = fixed(ofShared(name));
      expect(inputsOf(model)[0]?.shape?.[0]).toBe(1);
      await checkFreed(model, tolerance);
    },
  );

  it.each(['shapes-classifier', 'shapes-detector', 'shapes-segmenter'])(
    '%s is that itself, and is freed again where it was fixed',
    async (name) => {
      const model = ofExamples(name);
      expect(freeBatch(model)).toBe(model);
      await checkFreed(fixed(model), tolerance);
    },
  );
});
