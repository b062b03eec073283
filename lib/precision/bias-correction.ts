import type { OnnxNode } from '../graph/index.js';
import { quantizedKey, type ChannelMeans, type QuantizedValue } from './channel-means.js';
import type { FormNumbers } from './form-onnxruntime.js';
import type { FormPlan } from './form-plan.js';
import type { LayerWeights } from './layer-weights.js';
import type { Quantization } from './qdq-writer.js';
import type { Structure } from './structure.js';

/** The layers of a plan that are computed in integers and add a bias, or can: with what they read. */
export function biasedLayers(structure: Structure, plan: FormPlan): readonly (readonly [OnnxNode, string])[] {
  return [...plan.int8]
    .filter((node) => structure.kind(node) === 'product' && node.opType !== 'MatMul')
    .map((node) => [node, node.inputs[0] as string]);
}

/** What has to be known to correct the biases of a plan: what its layers read, each once. */
export function valuesToCorrect(structure: Structure, plan: FormPlan, { values }: FormNumbers): QuantizedValue[] {
  const names = new Set(biasedLayers(structure, plan).map(([, value]) => value));
  return [...names].map((value) => ({ value, by: values.get(value) as Quantization }));
}

/**
 * Biases by which layers make in integers what they make in float, in the mean of each output channel: b + W mean(x) - Wq mean(Q(x)), with W the weights and x
 * the input as they are, Wq and Q(x) in eight bits. Each layer is corrected for its own eight bits alone. (Measured against what a whole form makes of x, all layers
 * at once, each would make good what those before it make good already.) Means are taken for those of every place of the kernel; at padded edges they are a little off.
 *
 * Layers are left out of whose input nothing is known in these bits, or whose means are not finite. Source: Nagel, van Baalen, Blankevoort, Welling, "Data-Free
 * Quantization Through Weight Equalization and Bias Correction" (2019), section 4.2; the means are measured here.
 */
export function correctedBiases(
  structure: Structure,
  plan: FormPlan,
  numbers: FormNumbers,
  means: ReadonlyMap<string, ChannelMeans>,
): ReadonlyMap<OnnxNode, Float32Array> {
  const biases = new Map<OnnxNode, Float32Array>();
  for (const [node, value] of biasedLayers(structure, plan)) {
    const known = means.get(quantizedKey({ value, by: numbers.values.get(value) as Quantization }));
    if (known === undefined) continue;
    const shifts = shiftsOf(structure, node, numbers.weights.get(node) as LayerWeights, known);
    const [, , bias = ''] = node.inputs;
    const given = bias === '' ? undefined : structure.floats(bias);
    const corrected = Float32Array.from(shifts, (shift, channel) => (given?.[channel] ?? 0) + shift);
    if (corrected.every((one) => Number.isFinite(one))) biases.set(node, corrected);
  }
  return biases;
}

/** Of each output channel: how far its mean in float lies above that in integers. */
function shiftsOf(structure: Structure, node: OnnxNode, { values, scales }: LayerWeights, means: ChannelMeans): Float64Array {
  const { tensor, axis } = structure.weights(node);
  const weights = tensor.data as Float32Array;
  const outputs = tensor.dims[axis] as number;
  const inputs = tensor.dims[1 - axis] as number;
  const places = weights.length / (outputs * inputs);
  const group = node.attributes.get('group');
  const outputsOfGroup = outputs / (typeof group === 'number' ? group : 1);
  return Float64Array.from({ length: outputs }, (_, output) => {
    const first = Math.floor(output / outputsOfGroup) * inputs;
    let shift = 0;
    for (let input = 0; input < inputs; input++) {
      const begin = axis === 0 ? (output * inputs + input) * places : input * outputs + output;
      let [float, integer] = [0, 0];
      for (let place = begin; place < begin + places; place++) {
        float += weights[place] as number;
        integer += values[place] as number;
      }
      const quantized = integer * (scales[output] as number);
      shift += float * (means.float[first + input] as number) - quantized * (means.quantized[first + input] as number);
    }
    return shift;
  });
}
