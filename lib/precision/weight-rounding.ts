/** Which weights of a plan can be rounded so that errors make good each other, and what they are multiplied with. */
import type { OnnxNode } from '../graph/index.js';
import { biasedLayers } from './bias-correction.js';
import { quantizedKey, type ChannelMeans, type QuantizedValue } from './channel-means.js';
import type { FormNumbers } from './form-onnxruntime.js';
import type { FormPlan } from './form-plan.js';
import { columnsOf, type KernelAxis, type LayerInput } from './input-products.js';
import type { LayerWeights } from './layer-weights.js';
import type { Quantization } from './qdq-writer.js';
import type { Structure } from './structure.js';

/** A layer, and what it reads. */
export interface RoundedLayer extends QuantizedValue {
  readonly node: OnnxNode;
  readonly input: LayerInput;
}

/** Weights, and all layers that have them. */
export interface WeightsToRound {
  /** Names all that the integers depend on. */
  readonly key: string;
  readonly layers: readonly RoundedLayer[];
  readonly data: Float32Array;
  readonly weights: LayerWeights;
}

/**
 * Outputs with more weights are left as they are: time and memory grow with the third and second power. At this, which is a kernel of 3 x 3 over 512 channels, the widest of
 * networks with a budget such as ResNet-18's, a layer takes some four seconds of one core and 130 MB.
 */
export const mostColumns = 4608;

/**
 * The layers whose biases can be corrected, as rounding leaves a shift of the mean to these. Weights that several layers share are rounded once, for all of them; not where
 * one of these cannot be, as they would be stored twice.
 */
export function weightsToRound(structure: Structure, plan: FormPlan, numbers: FormNumbers): readonly WeightsToRound[] {
  const shared = new Map<string, RoundedLayer[]>();
  for (const [node, value] of biasedLayers(structure, plan)) {
    const by = numbers.values.get(value) as Quantization;
    const input = layerInput(structure, node, by);
    if (input === undefined || columnsOf(input) > mostColumns) continue;
    const { scales } = numbers.weights.get(node) as LayerWeights;
    const key = JSON.stringify([node.inputs[1], structure.weights(node).axis, input.groups, base64(scales)]);
    const layers = shared.get(key) ?? [];
    layers.push({ node, value, by, input });
    shared.set(key, layers);
  }
  const users = new Map<string, number>();
  for (const { inputs } of numbers.weights.keys()) users.set(inputs[1] as string, (users.get(inputs[1] as string) ?? 0) + 1);
  return [...shared]
    .filter(([, layers]) => users.get(layers[0]!.node.inputs[1] as string) === layers.length)
    .map(([key, layers]) => {
      const [{ node }] = layers as [RoundedLayer];
      const own = layers.map((layer) => [layer.node.outputs[0], quantizedKey(layer)]);
      return {
        key: JSON.stringify([key, own]),
        layers,
        data: structure.weights(node).tensor.data as Float32Array,
        weights: numbers.weights.get(node) as LayerWeights,
      };
    });
}

/** The same numbers, with weights rounded as it was found where the means that biases are corrected by are known, and of how many layers. */
export function withRounding(
  structure: Structure,
  plan: FormPlan,
  numbers: FormNumbers,
  rounded: ReadonlyMap<string, Int8Array>,
  means: ReadonlyMap<string, ChannelMeans>,
): { readonly numbers: FormNumbers; readonly layers: number } {
  const weights = new Map(numbers.weights);
  let count = 0;
  for (const { key, layers } of weightsToRound(structure, plan, numbers)) {
    const values = rounded.get(key);
    // Biases have to make good the means.
    if (values === undefined || !layers.every((layer) => isFinite(means.get(quantizedKey(layer))))) continue;
    count += layers.length;
    for (const { node } of layers) weights.set(node, { ...(weights.get(node) as LayerWeights), values });
  }
  return { numbers: { ...numbers, weights }, layers: count };
}

function isFinite(means: ChannelMeans | undefined): boolean {
  return means !== undefined && [means.float, means.quantized].every((own) => own.every(Number.isFinite));
}

/** Undefined of what no kernel along one or two axes is told of, and of other bits than eight. */
function layerInput(structure: Structure, node: OnnxNode, by: Quantization): LayerInput | undefined {
  const { scale, zeroPoint, dtype } = by;
  if (dtype === 'float8e4m3fn') return undefined;
  const { tensor, axis } = structure.weights(node);
  const groups = node.opType === 'Conv' ? ((node.attributes.get('group') ?? 1) as number) : 1;
  const kernel = tensor.dims.slice(2);
  const padding = node.attributes.get('auto_pad') ?? 'NOTSET';
  if (kernel.length > 2 || padding !== 'NOTSET') return undefined;
  const own = kernel.map((size, at): KernelAxis => {
    const of = (name: string, place: number, otherwise: number): number => {
      const listed = node.attributes.get(name);
      return Array.isArray(listed) ? (listed[place] as number) : otherwise;
    };
    const [begin, end] = [of('pads', at, 0), of('pads', at + kernel.length, 0)];
    return { size, stride: of('strides', at, 1), dilation: of('dilations', at, 1), begin, end };
  });
  if (own.some(({ begin, end }) => begin < 0 || end < 0)) return undefined;
  const none: KernelAxis = { size: 1, stride: 1, dilation: 1, begin: 0, end: 0 };
  const [one = none, other] = own;
  const axes = other === undefined ? ([none, one] as const) : ([one, other] as const);
  return { channels: (tensor.dims[1 - axis] as number) * groups, groups, axes, by: { scale, zeroPoint, dtype } };
}

function base64(scales: Float32Array): string {
  return Buffer.from(scales.buffer, scales.byteOffset, scales.byteLength).toString('base64');
}
