import { create } from '@bufbuild/protobuf';
import {
  DataType,
  FreshNames,
  madeNode,
  TensorProtoSchema,
  type GraphProto,
  type NodeProto,
  type TensorProto,
} from '../graph/index.js';
import { packInt4, type Int4Weights } from './int4-weights.js';
import type { LayerWeights } from './layer-weights.js';

/** How a value is brought to eight bits: x = (q - zeroPoint) * scale. */
export interface Quantization {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly dtype: 'int8' | 'uint8' | 'float8e4m3fn';
}

const dataTypes = { int8: DataType.INT8, uint8: DataType.UINT8, float8e4m3fn: DataType.FLOAT8E4M3FN } as const;
const labels = { int8: 'int8', float8e4m3fn: 'float8' } as const;

type Elements = Float32Array | Int8Array | Uint8Array | Int32Array | BigInt64Array;

/** Puts QuantizeLinear and DequantizeLinear into a graph, in its order. Constants that are equal are stored once. */
export class QdqWriter {
  readonly nodes: NodeProto[] = [];
  readonly initializers: TensorProto[] = [];
  readonly #names: FreshNames;
  readonly #constants = new Map<string, TensorProto[]>();

  constructor(graph: GraphProto) {
    this.#names = new FreshNames(graph);
  }

  fresh(name: string): string {
    return this.#names.fresh(name);
  }

  /** The name of what is in eight bits: integers, or FP8. */
  quantize(value: string, name: string, by: Quantization): string {
    const output = this.fresh(`${name}/QuantizeLinear`);
    this.nodes.push(madeNode('QuantizeLinear', [value, ...this.#scale(by)], output));
    return output;
  }

  /** The name of the numbers that these stand for: `name`, or a fresh one after it. */
  dequantize(integers: string, name: string, by: Quantization, isOutput = false): string {
    const output = isOutput ? name : this.fresh(`${name}/DequantizeLinear`);
    this.nodes.push(madeNode('DequantizeLinear', [integers, ...this.#scale(by)], output));
    return output;
  }

  /** The name of weights that are stored in eight bits with a scale for each output channel, or in four with one for each block. */
  weights(name: string, stored: LayerWeights | Int4Weights): string {
    return stored.dtype === 'int4' ? this.#blocks(name, stored) : this.#channels(name, stored);
  }

  #channels(name: string, { dtype, values, dims, scales, axis }: LayerWeights): string {
    const stored = this.#constant(`${name}/${labels[dtype]}`, dataTypes[dtype], dims, values);
    const scale = this.#constant(`${name}/scale`, DataType.FLOAT, [scales.length], scales);
    const zeros = this.#constant(`${name}/zero_point`, dataTypes[dtype], [scales.length], new Int8Array(scales.length));
    const output = this.fresh(`${name}/DequantizeLinear`);
    this.nodes.push(madeNode('DequantizeLinear', [stored, scale, zeros], output, { axis }));
    return output;
  }

  /** Blocks lie along a row or a column: TensorRT takes them along the last two axes alone. */
  #blocks(name: string, { values, stored, axis, blockSize, scales, dims }: Int4Weights): string {
    const places = stored.map((size, at) => (at === axis ? size / blockSize : size));
    const packed = this.#constant(`${name}/int4`, DataType.INT4, stored, packInt4(values));
    const scale = this.#constant(`${name}/scale`, DataType.FLOAT, places, scales);
    const output = this.fresh(`${name}/DequantizeLinear`);
    this.nodes.push(madeNode('DequantizeLinear', [packed, scale], output, { axis, block_size: blockSize }));
    if (dims.length === 2) return output;
    const shape = this.#constant(`${name}/shape`, DataType.INT64, [dims.length], BigInt64Array.from(dims, BigInt));
    const shaped = this.fresh(`${name}/Reshape`);
    this.nodes.push(madeNode('Reshape', [output, shape], shaped));
    return shaped;
  }

  /** A bias in 32 bits, with a scale for each element or one for all. */
  bias(name: string, values: Int32Array, scales: Float32Array, dims: readonly number[] = [values.length]): string {
    const stored = this.#constant(`${name}/int32`, DataType.INT32, dims, values);
    const scale = this.#constant(`${name}/scale`, DataType.FLOAT, scales.length === 1 ? [] : [scales.length], scales);
    const output = this.fresh(`${name}/DequantizeLinear`);
    this.nodes.push(madeNode('DequantizeLinear', [stored, scale], output, { axis: 0 }));
    return output;
  }

  /** A bias in float. */
  floatBias(name: string, values: Float32Array): string {
    return this.#constant(`${name}/corrected`, DataType.FLOAT, [values.length], values);
  }

  #scale({ scale, zeroPoint, dtype }: Quantization): [string, string] {
    const zero = dtype === 'int8' ? Int8Array.of(zeroPoint) : Uint8Array.of(zeroPoint);
    return [
      this.#constant('scale', DataType.FLOAT, [], Float32Array.of(scale)),
      this.#constant('zero_point', dataTypes[dtype], [], zero),
    ];
  }

  #constant(name: string, dataType: DataType, dims: readonly number[], elements: Elements): string {
    const rawData = new Uint8Array(elements.buffer as ArrayBuffer, elements.byteOffset, elements.byteLength);
    // Scales of values are shared whoever has them; weights and biases by those that share them in the model.
    const key = `${dataType} ${dims.join('x')} ${rawData.length <= 8 ? rawData.join(' ') : name}`;
    const alike = this.#constants.get(key) ?? [];
    const known = alike.find((tensor) => Buffer.compare(tensor.rawData, rawData) === 0);
    if (known !== undefined) return known.name;
    const made = create(TensorProtoSchema, { name: this.fresh(name), dataType, dims: dims.map(BigInt), rawData });
    this.#constants.set(key, [...alike, made]);
    this.initializers.push(made);
    return made.name;
  }
}
