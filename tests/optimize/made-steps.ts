/** Steps of an optimisation that change nothing, but for what a test wants changed. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { clone, create } from '@bufbuild/protobuf';

import { encodeModel, readModel, type ModelProto } from '../../lib/graph/index.js';
import { ModelProtoSchema, NodeProtoSchema } from '../../lib/graph/onnx_pb.js';
import type {
  BundledOptimization,
  Calibration,
  LayerPrecision,
  OptimizeSteps,
  QuantizedFormName,
  QuantizedLayer,
} from '../../lib/optimize/index.js';
import { notAsked, quantizedForms } from '../../lib/optimize/quantized-layer.js';
import { node } from '../tasks/made-models.js';

export const sha256Of = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

/** What steps were told. */
export interface Told {
  calibrated?: { readonly pictures: number; readonly seed: number; readonly force: boolean; readonly data: string };
  table?: string;
  bundle?: BundledOptimization<Calibration>;
}

/** The same model, after so many negations of its input: what it gives is the same, later. */
export function slowed(model: ModelProto, times: number): ModelProto {
  const slow = clone(ModelProtoSchema, model);
  const graph = slow.graph!;
  const name = graph.input[0]!.name;
  for (const { input } of graph.node) input.forEach((one, i) => one === name && (input[i] = `later_${times}`));
  const negations = Array.from({ length: times }, (_, i) =>
    create(NodeProtoSchema, node('Neg', i === 0 ? name : `later_${i}`, `later_${i + 1}`)),
  );
  graph.node.unshift(...negations);
  return slow;
}

/** The same model with its first weights 0: what it gives is another thing. */
export function blinded(model: ModelProto): ModelProto {
  const blind = clone(ModelProtoSchema, model);
  const weights = blind.graph!.initializer.find(({ dims }) => dims.length === 4)!;
  weights.rawData = new Uint8Array(weights.rawData.length);
  return blind;
}

/** `change`: the form for ONNX Runtime, and that for TensorRT, of the model. */
export function madeSteps(
  told: Told,
  change: { readonly [F in 'onnxruntime' | 'tensorrt']?: (model: ModelProto) => ModelProto } = {},
  doubts: readonly string[] = [],
): OptimizeSteps<Calibration> {
  const same = (model: ModelProto): ModelProto => model;
  return {
    listPictures: (data) =>
      Promise.resolve(
        readdirSync(data)
          .sort()
          .map((name) => join(data, name)),
      ),
    checkOutput: () => Promise.resolve(),
    normalize: async (path) => (await readModel(path)).proto,
    calibrate: (_, { data, pictures, seed, force, onProgress }) => {
      told.calibrated = { pictures, seed, force, data };
      const files = readdirSync(data).sort().slice(0, pictures);
      files.forEach((__, i) => onProgress?.(i + 1, files.length));
      return Promise.resolve({
        pictures: files.map((name) => ({ sha256: sha256Of(join(data, name)) })),
        preprocess: {} as Calibration['preprocess'],
        doubts: doubts.map((message) => ({ message })),
      });
    },
    readTable: (path) => {
      told.table = path;
      return Promise.resolve(JSON.parse(readFileSync(path, 'utf8')) as Calibration);
    },
    convert: ({ model }, _, { forms }) => {
      const [onnxruntime, tensorrt] = [(change.onnxruntime ?? same)(model), (change.tensorrt ?? same)(model)];
      const precisionOf = (form: QuantizedFormName): LayerPrecision => (forms.includes(form) ? 'int8' : 'float32');
      const precision = { onnxruntime: precisionOf('onnxruntime'), tensorrt: precisionOf('tensorrt') };
      const reasons = Object.fromEntries(quantizedForms.filter((form) => !forms.includes(form)).map((form) => [form, notAsked]));
      const layer = { operator: 'Conv', macs: 12, precision, reasons, noiseDb: {} };
      const layers: QuantizedLayer[] = [
        {
          ...layer,
          name: 'first',
          precision: { ...precision, tensorrt: 'float32' },
          reasons: { tensorrt: 'a test', ...reasons },
        },
        { ...layer, name: 'second' },
      ];
      return Promise.resolve({ ...{ onnxruntime, tensorrt, layers }, precision });
    },
    ladder: ({ model }) => {
      const rungs = [{ precision: 'int8', macs: 0 }] as const;
      return Promise.resolve({
        rungs: { onnxruntime: rungs, tensorrt: rungs },
        make: (form) => Promise.resolve({ model: (change[form] ?? same)(model) }),
        layers: () => Promise.resolve([]),
      });
    },
    writeModel: (model, path) => Promise.resolve(writeFileSync(path, encodeModel(model))),
    writeBundle: async (path, contents) => {
      told.bundle = contents;
      mkdirSync(path);
      for (const { form, write } of contents.forms) await write(join(path, `${form}.onnx`));
      for (const [name, text] of Object.entries(contents.files)) writeFileSync(join(path, name), text);
    },
  };
}
