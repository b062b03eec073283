/** Real models, whole and rewritten, side by side in ONNX Runtime. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  encodeModel,
  foldBatchNorm,
  foldConstants,
  inlineConstants,
  normalizeConv,
  normalizeModel,
  parseModel,
  removeUnused,
  upgradeOpset,
  type ModelProto,
} from '../../lib/graph/index.js';
import { ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { evaluateConstants } from '../../lib/optimize/evaluate-constants.js';
import { example } from '../session/fixtures.js';
import { difference, inputsOf, randomTensor, run, type Result } from './made-graphs.js';
import { folders, modelPath } from './models.js';

const missing = !existsSync(folders.shared);
if (missing) console.warn(`SKIPPED: there is no ${folders.shared}, so only example models are normalised`);

const shared = [
  'mobilefacenet_112',
  'mobilenetv2_dynq_int8',
  'mobilenetv2_fp32',
  'prisma_portrait_seg_256',
  'ultraface_rfb_320',
  'yolov8n_dynq_int8',
  'yolov8n_fp32',
  'yolox_nano_416',
].map((name) => [`shared/${name}`, modelPath('shared', `${name}.onnx`)] as const);
const examples = ['shapes-classifier', 'shapes-detector', 'shapes-segmenter'].map(
  (name) => [name, path.join(example('models'), `${name}.onnx`)] as const,
);
const models = [...(missing ? [] : shared), ...examples];

const read = (file: string): ModelProto => parseModel(new Uint8Array(readFileSync(file))).proto;

/** What a model makes of noise; free sizes are 1. */
async function outputs(model: ModelProto): Promise<Record<string, Result>> {
  const inputs = inputsOf(model).map(({ name, dtype, shape }) => {
    const dims = (shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
    return [name, randomTensor(dtype, dims, 11)] as const;
  });
  return run(model, Object.fromEntries(inputs));
}

function farthest(received: Record<string, Result>, expected: Record<string, Result>): number {
  expect(Object.keys(received)).toEqual(Object.keys(expected));
  return Math.max(...Object.entries(expected).map(([name, result]) => difference(received[name] as Result, result)));
}

const steps: readonly (readonly [string, (model: ModelProto) => ModelProto | Promise<ModelProto>, number])[] = [
  ['inlineConstants', inlineConstants, 0],
  ['removeUnused', removeUnused, 0],
  ['upgradeOpset', (model) => upgradeOpset(model), 0],
  ['foldConstants', (model) => foldConstants(model, evaluateConstants), 0],
  ['normalizeConv', normalizeConv, 1e-4],
  ['foldBatchNorm', foldBatchNorm, 1e-4],
  ['normalizeModel', (model) => normalizeModel(model, { evaluate: evaluateConstants }), 1e-4],
];

describe.each(models)('%s', (_, file) => {
  it('means the same after each pass, and is left as it is', async () => {
    const model = read(file);
    const before = toBinary(ModelProtoSchema, model);
    const expected = await outputs(model);
    for (const [pass, change, tolerance] of steps) {
      const rewritten = await change(model);
      expect(farthest(await outputs(rewritten), expected), pass).toBeLessThanOrEqual(tolerance);
    }
    expect(Buffer.compare(toBinary(ModelProtoSchema, model), before)).toBe(0);
  });

  it('is in normal form after one round', async () => {
    const normal = await normalizeModel(read(file), { evaluate: evaluateConstants });
    const { opset, irVersion, proto, nodes } = parseModel(encodeModel(normal));
    expect([opset, irVersion >= 8]).toEqual([17, true]);
    expect(proto.graph?.input.length).toBe(inputsOf(normal).length);
    expect(nodes.filter(({ opType }) => ['Constant', 'Identity', 'Dropout', 'BatchNormalization'].includes(opType))).toEqual([]);
    const again = await normalizeModel(normal, { evaluate: () => Promise.reject(new Error('there is nothing to evaluate')) });
    expect(again).toBe(normal);
  });
});
