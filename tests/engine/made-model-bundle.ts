/** Bundles of optimised models, made by hand: the forms are a model quantised with ranges that nobody measured. */
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import { create } from '@bufbuild/protobuf';

import { writeModelBundle, type FormContent, type ModelBundle, type ModelBundleContent } from '../../lib/engine/index.js';
import { encodeModel, parseModel, type ModelProto } from '../../lib/graph/index.js';
import {
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  type NodeProto,
  type TensorProto,
} from '../../lib/graph/onnx_pb.js';
import { Preprocess } from '../../lib/image/index.js';
import { elsewhere, graphModel, value } from '../graph/made-graphs.js';
import { madeModel, node, zeros } from '../tasks/made-models.js';

/** Steps with which eight bits hold most values between the layers of a small model; they differ, so that no form gives what the other does. */
const activationScales = { int8: 0.05, uint8: 0.04 } as const;

/** The model with all inputs of its convolutions in eight bits: activations of this type, weights int8 with a scale for each channel. */
export function quantizedByHand(model: ModelProto, type: 'int8' | 'uint8'): ModelProto {
  const graph = model.graph!;
  const dataType = type === 'int8' ? DataType.INT8 : DataType.UINT8;
  const constants: TensorProto[] = [
    scalar('by-hand/scale', activationScales[type]),
    zeroPoint('by-hand/zero', dataType, type === 'int8' ? 0 : 128),
  ];
  const weights = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const nodes: NodeProto[] = [];
  const made = new Set<string>();
  const once = (name: string, add: () => void): string => {
    if (!made.has(name)) add();
    made.add(name);
    return name;
  };
  const quantized = (name: string): string =>
    once(`${name}/dequantized`, () => {
      const ends = ['by-hand/scale', 'by-hand/zero'];
      nodes.push(operator('QuantizeLinear', [name, ...ends], `${name}/quantized`));
      nodes.push(operator('DequantizeLinear', [`${name}/quantized`, ...ends], `${name}/dequantized`));
    });
  const quantizedWeight = (name: string): string =>
    once(`${name}/dequantized`, () => {
      const [values, scale] = perChannel(weights.get(name)!);
      constants.push(values, scale, { ...zeroPoint(`${name}/zero`, DataType.INT8, 0), ...channelsOf(scale) });
      nodes.push(operator('DequantizeLinear', [values.name, scale.name, `${name}/zero`], `${name}/dequantized`));
    });
  for (const node of graph.node) {
    const [x, w] = node.input as [string, string];
    if (node.opType !== 'Conv') nodes.push(node);
    else nodes.push({ ...node, input: [quantized(x), quantizedWeight(w), ...node.input.slice(2)] });
  }
  const used = new Set(nodes.flatMap(({ input }) => input));
  const initializer = [...graph.initializer, ...constants].filter(({ name }) => used.has(name));
  return { ...model, graph: { ...graph, node: nodes, initializer } };
}

function operator(opType: string, input: string[], output: string): NodeProto {
  // Axis 0 is that of the channels in the weights of a convolution; where the scale is one number, the axis has no say.
  const attribute = [{ name: 'axis', type: 2, i: 0n }];
  return create(NodeProtoSchema, { opType, name: `the ${output}`, input, output: [output], attribute });
}

function scalar(name: string, value: number): TensorProto {
  return create(TensorProtoSchema, { name, dataType: DataType.FLOAT, dims: [], rawData: bytesOf(Float32Array.of(value)) });
}

function zeroPoint(name: string, dataType: DataType, value: number): TensorProto {
  return create(TensorProtoSchema, { name, dataType, dims: [], rawData: Uint8Array.of(value) });
}

function channelsOf({ dims }: TensorProto): Pick<TensorProto, 'dims' | 'rawData'> {
  return { dims, rawData: new Uint8Array(Number(dims[0])) };
}

function perChannel({ name, dims, rawData }: TensorProto): [TensorProto, TensorProto] {
  const floats = new Float32Array(rawData.slice().buffer);
  const channels = Number(dims[0]);
  const size = floats.length / channels;
  const scales = Float32Array.from({ length: channels }, (_, c) => {
    const largest = floats.subarray(c * size, (c + 1) * size).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return Math.max(largest, 1e-6) / 127;
  });
  const values = Int8Array.from(floats, (value, i) => Math.round(value / (scales[Math.floor(i / size)] as number)));
  return [
    create(TensorProtoSchema, { name: `${name}/int8`, dataType: DataType.INT8, dims, rawData: bytesOf(values) }),
    create(TensorProtoSchema, {
      name: `${name}/scale`,
      dataType: DataType.FLOAT,
      dims: [BigInt(channels)],
      rawData: bytesOf(scales),
    }),
  ];
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
}

/** A form that is the model of a file as it is. */
export function asItWas(path: string): FormContent {
  return { precision: 'float32', passes: [], write: async (to) => copyFileSync(path, to) };
}

/** By path and type: tests make the same bundle many times. */
const quantizedModels = new Map<string, Uint8Array>();

/** A form in eight bits of the model of a file. */
export function inEightBits(path: string, type: 'int8' | 'uint8'): FormContent {
  const key = `${type} ${path}`;
  const bytes = quantizedModels.get(key) ?? encodeModel(quantizedByHand(parseModel(readFileSync(path)).proto, type));
  quantizedModels.set(key, bytes);
  const write = async (to: string): Promise<void> => writeFileSync(to, bytes);
  return { precision: 'int8', passes: [`quantised by hand to ${type}`], write };
}

/** What a bundle of the model of a file is made of, but for `change`. */
export function bundleContent(path: string, change: Partial<ModelBundleContent> = {}): ModelBundleContent {
  const bytes = readFileSync(path);
  return {
    source: { name: basename(path), bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    preprocess: Preprocess.preset('yolo').options,
    forms: { onnxruntime: inEightBits(path, 'uint8'), tensorrt: inEightBits(path, 'int8') },
    calibration: '{"pictures":32}',
    reports: { 'report.md': '# Smaller\n', 'layers.csv': 'name,ms\n' },
    measured: { latencyMs: { float32: 12, int8: 6.51234 }, boxes: 0.95 },
    decisions: ['ONNX Runtime runs the INT8 form: measured 0.54x'],
    ...change,
  };
}

/** Makes a bundle of the model of a file. */
export function makeModelBundle(output: string, path: string, change: Partial<ModelBundleContent> = {}): Promise<ModelBundle> {
  return writeModelBundle(output, bundleContent(path, change));
}

/** Makes a model whose four weights lie in a file beside it. */
export function withExternalData(path: string, location: string): void {
  const nodes = [node('Add', ['x', 'w'], 'y')];
  const model = graphModel({
    inputs: { x: [4] },
    nodes,
    outputs: [value('y', [4])],
    constants: [{ ...elsewhere('w', location, DataType.FLOAT), dims: [4n] }],
  });
  mkdirSync(dirname(join(dirname(path), location)), { recursive: true });
  writeFileSync(join(dirname(path), location), Buffer.from(Float32Array.of(1, 2, 3, 4).buffer));
  writeFileSync(path, encodeModel(model));
}

/** Damage that the length of a file does not show. */
export function flipByte(path: string): void {
  const bytes = readFileSync(path);
  bytes[0] = (bytes[0] as number) ^ 1;
  writeFileSync(path, bytes);
}

/** Makes a model of one convolution with class scores, and the names of four, in a folder. */
export function smallModel(folder: string): string {
  const path = join(folder, 'classes.onnx');
  const nodes = [node('Conv', ['x', 'w'], 'a'), node('GlobalAveragePool', 'a', 'b'), node('Flatten', 'b', 'y')];
  const metadata = { names: "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}" };
  const initializers = [zeros('w', [4, 3, 3, 3])];
  writeFileSync(path, madeModel({ input: ['n', 3, 8, 8], output: ['n', 4], nodes, initializers, metadata }));
  return path;
}
