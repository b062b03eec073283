/** Weights that become 0. Nothing is trained afterwards. */
import { setImmediate } from 'node:timers/promises';

import { create } from '@bufbuild/protobuf';

import { aborted } from '../binding/index.js';
import { ModelError } from '../errors/index.js';
import {
  changed,
  DataType,
  FreshNames,
  readBy,
  removeUnused,
  TensorProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type OnnxNode,
  type TensorProto,
} from '../graph/index.js';
import { prunedPart, type Pruning } from './pruning.js';
import { Structure } from './structure.js';

/** A layer, and what became of its weights. */
export interface PrunedLayer {
  /** That of its node; that of its output where it has none. */
  readonly name: string;
  readonly weights: number;
  /** How many of them are 0, and how many were before. */
  readonly zeros: number;
  readonly zerosBefore: number;
  /** Why it was left as it is. */
  readonly reason?: string | undefined;
}

export interface PruneWeightsOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told after each layer. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * The same model with small weights of its layers 0: by magnitude, the smallest part of each output channel, the first where several are alike; by 2:4, the two
 * smallest of each four input channels that follow one another, at each output channel and place of the kernel.
 *
 * Left as they are: layers that read the picture and depthwise convolutions, which are few weights and lose most; weights that are not numbers; for 2:4,
 * transposed convolutions and layers whose input channels are no multiple of 4. Who else reads a weight reads it as it was.
 *
 * `model` has been normalised, is left as it is and shares all other weights with the result. Rejects with MODEL_UNSUPPORTED where no layer can be pruned, ABORTED.
 */
export async function pruneWeights(
  model: ModelProto,
  pruning: Pruning,
  { signal, onProgress }: PruneWeightsOptions = {},
): Promise<{ readonly model: ModelProto; readonly layers: readonly PrunedLayer[] }> {
  const structure = new Structure(model);
  structure.checkLayers();
  const graph = model.graph as GraphProto;
  const names = new FreshNames(graph);
  const first = firstLayers(structure);
  const nodes = structure.nodes.filter((node) => structure.isLayer(node));
  const made = new Map<string, TensorProto>();
  const replaced = new Map<NodeProto, NodeProto>();
  const layers: PrunedLayer[] = [];
  for (const node of nodes) {
    // Sorting takes a while: others have their turn.
    await setImmediate();
    if (signal?.aborted) throw aborted(signal);
    const { tensor, axis } = structure.weights(node);
    const values = tensor.data as Float32Array;
    const zerosBefore = countZeros(values);
    const common = { name: node.name || (node.outputs[0] ?? ''), weights: values.length, zerosBefore };
    const reason = first.has(node) ? 'it reads the picture' : reasonToLeave(structure, node, pruning);
    if (reason !== undefined) layers.push({ ...common, zeros: zerosBefore, reason });
    else {
      // Of weights that layers share, each pair of weights and order of channels once.
      const key = pruning === '2:4' ? `${tensor.name} ${axis}` : tensor.name;
      const pruned =
        made.get(key) ??
        floats(names.fresh(`${tensor.name}/pruned`), prunedValues(values, tensor.dims, axis, pruning), tensor.proto.dims);
      made.set(key, pruned);
      const [input = '', , ...others] = node.inputs;
      replaced.set(node.proto, changed(node.proto, { input: [input, pruned.name, ...others] }));
      layers.push({ ...common, zeros: countZeros(new Float32Array(pruned.rawData.buffer)) });
    }
    onProgress?.(layers.length, nodes.length);
  }
  if (replaced.size === 0) throw nothingToPrune(pruning, layers);
  const node = graph.node.map((one) => replaced.get(one) ?? one);
  const initializer = [...graph.initializer, ...made.values()];
  return { model: removeUnused(changed(model, { graph: changed(graph, { node, initializer }) })), layers };
}

/** Those before which there is none. */
function firstLayers(structure: Structure): ReadonlySet<OnnxNode> {
  const first = new Set<OnnxNode>();
  const behind = new Set<string>();
  for (const node of structure.nodes) {
    const isBehind = readBy(node.proto).some((value) => behind.has(value));
    const isLayer = structure.isLayer(node);
    if (isLayer && !isBehind) first.add(node);
    if (isLayer || isBehind) for (const value of node.outputs) behind.add(value);
  }
  return first;
}

function reasonToLeave(structure: Structure, node: OnnxNode, pruning: Pruning): string | undefined {
  if (structure.isDepthwise(node)) return 'depthwise';
  if ((structure.weights(node).tensor.data as Float32Array).some(Number.isNaN)) return 'weights that are not numbers';
  if (pruning !== '2:4') return undefined;
  if (structure.isTransposedConvolution(node)) return 'transposed: no sparse kernel';
  return structure.inputChannels(node) % 4 === 0 ? undefined : 'input channels are no multiple of 4';
}

/** `axis`: of the output channels. */
function prunedValues(values: Float32Array, dims: readonly number[], axis: number, pruning: Pruning): Float32Array<ArrayBuffer> {
  const stride = (of: number): number => dims.slice(of + 1).reduce((product, size) => product * size, 1);
  return pruning === '2:4'
    ? twoOfFour(values, stride(1 - axis))
    : withoutSmallest(values, prunedPart(pruning), { channels: dims[axis] as number, stride: stride(axis) });
}

/** Of each output channel its smallest: where batch normalisation was folded, those of one channel are all smaller than those of another. */
function withoutSmallest(
  values: Float32Array,
  part: number,
  { channels, stride }: { readonly channels: number; readonly stride: number },
): Float32Array<ArrayBuffer> {
  const pruned = Float32Array.from(values);
  const magnitudes = new Float32Array(values.length / channels);
  const count = Math.round(part * magnitudes.length);
  if (count === 0) return pruned;
  const placeOf = (channel: number, i: number): number => (Math.floor(i / stride) * channels + channel) * stride + (i % stride);
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < magnitudes.length; i++) magnitudes[i] = Math.abs(values[placeOf(channel, i)] as number);
    magnitudes.sort();
    const largest = magnitudes[count - 1] as number;
    // Of those that are as large as the largest that goes, the first go.
    let alike = count - magnitudes.findIndex((magnitude) => magnitude === largest);
    for (let i = 0; i < magnitudes.length; i++) {
      const place = placeOf(channel, i);
      const magnitude = Math.abs(values[place] as number);
      if (magnitude < largest || (magnitude === largest && alike-- > 0)) pruned[place] = 0;
    }
  }
  return pruned;
}

/** Two elements of each four that lie `stride` apart; the first of those that are alike. */
function twoOfFour(values: Float32Array, stride: number): Float32Array<ArrayBuffer> {
  const pruned = Float32Array.from(values);
  for (let block = 0; block < values.length; block += 4 * stride) {
    for (let at = block; at < block + stride; at++) {
      const places = [at, at + stride, at + 2 * stride, at + 3 * stride];
      const magnitude = (place: number): number => Math.abs(values[place] as number);
      for (const place of places.sort((a, b) => magnitude(a) - magnitude(b)).slice(0, 2)) pruned[place] = 0;
    }
  }
  return pruned;
}

function countZeros(values: Float32Array): number {
  let zeros = 0;
  for (const value of values) if (value === 0) zeros++;
  return zeros;
}

function floats(name: string, values: Float32Array<ArrayBuffer>, dims: bigint[]): TensorProto {
  return create(TensorProtoSchema, { name, dataType: DataType.FLOAT, dims, rawData: new Uint8Array(values.buffer) });
}

function nothingToPrune(pruning: Pruning, layers: readonly PrunedLayer[]): ModelError {
  const reasons = [...new Set(layers.map(({ reason }) => reason))].join('; ');
  return new ModelError('MODEL_UNSUPPORTED', {
    message: `The model has no layer that can be pruned by ${pruning}: ${reasons}`,
    hint: pruning === '2:4' ? 'Prune by magnitude, or leave the option out.' : 'Leave the option out.',
  });
}
