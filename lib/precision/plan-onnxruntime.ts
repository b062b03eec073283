import type { OnnxNode } from '../graph/index.js';
import { dropIslands, keptReason, lastReason, storedInt8, tieTogether, type FormPlan, type KeptFloat } from './form-plan.js';
import { numberLayers } from './head.js';
import type { Structure } from './structure.js';

/**
 * Convolutions that see so few channels are slower in integers: ONNX Runtime's kernel first copies the patches (measured on 1.30 and 1.31: 434 against
 * 182 us for a stem of three channels). Depthwise ones have a kernel of their own, and in float between quantised neighbours are four times slower.
 */
const fewChannels = 8;

const integerActivations = new Set(['Sigmoid', 'LeakyRelu']);
/** Those that end a range, which the zero point then does. */
const clipping = new Set(['Relu', 'Clip']);

/**
 * The form for ONNX Runtime's CPU kernels: unsigned, with a zero point, integers all the way through. An operator becomes one with an integer kernel only if all that it
 * computes with is dequantised and its only reader quantises.
 */
export function planOnnxRuntime(structure: Structure, kept: KeptFloat): FormPlan {
  const reasons = new Map<OnnxNode, string>();
  const keptValues = withSources(structure, kept.values);
  const numbers = numberLayers(structure);
  const int8 = new Set<OnnxNode>();
  for (const node of structure.nodes) {
    if (structure.isTail(node) || !hasIntegerKernel(structure, node)) continue;
    const isKept = [...structure.activationInputs(node), ...node.outputs].some((value) => keptValues.has(value));
    const isSmall = node.opType === 'Conv' && channelsBefore(structure, node) <= fewChannels;
    const isLast = numbers.has(node);
    if (!isKept && !isSmall && !isLast) int8.add(node);
    else if (structure.kind(node) === 'product')
      reasons.set(
        node,
        isKept ? keptReason : isLast ? lastReason : `at most ${fewChannels} input channels: the integer kernel is slower`,
      );
  }
  dropIslands(structure, int8);
  const absorbed = new Set([...int8].filter(({ opType }) => clipping.has(opType)));
  for (const node of absorbed) int8.delete(node);
  const quantized = new Set<string>();
  for (const node of int8) {
    for (const value of structure.activationInputs(node)) quantized.add(value);
    for (const value of node.outputs) {
      const readers = structure.consumers(value);
      const isClipped = readers.length === 1 && absorbed.has(readers[0] as OnnxNode) && !structure.isNamed(value);
      // What is carried keeps its scale, which is not that of what an activation makes of it.
      if (value !== '' && (!isClipped || structure.kind(node) === 'carry')) quantized.add(value);
    }
  }
  for (const node of absorbed) quantized.add(node.outputs[0] as string);
  const carried = [...int8].filter((node) => structure.kind(node) === 'carry');
  return {
    form: 'onnxruntime',
    values: 'uint8',
    scales: 'float32',
    int8,
    absorbed,
    storedInt8: storedInt8(structure, { int8, absorbed, quantized }),
    quantized,
    tied: tieTogether(carried.map((node) => [node.inputs[0] as string, ...node.outputs])),
    concatenated: [...int8]
      .filter(({ opType, outputs }) => opType === 'Concat' && quantized.has(outputs[0] as string))
      .map((node) => [...node.inputs, ...node.outputs]),
    reasons,
  };
}

/** Of a depthwise convolution all: one of few mostly stands between float convolutions of as few, where lone integers cost more than they gain. */
function channelsBefore(structure: Structure, node: OnnxNode): number {
  return structure.isDepthwise(node) ? (node.attributes.get('group') as number) : structure.inputChannels(node);
}

function hasIntegerKernel(structure: Structure, node: OnnxNode): boolean {
  const kind = structure.kind(node);
  if (kind !== 'activation') return kind !== 'float';
  return integerActivations.has(node.opType) || (clipping.has(node.opType) && clipsAroundZero(structure, node));
}

/** A range that is quantised contains 0: only then can it end where the activation does. */
function clipsAroundZero(structure: Structure, node: OnnxNode): boolean {
  const { min = -Infinity, max = Infinity } = structure.activated(node.outputs[0] as string)?.activation ?? {};
  return min <= 0 && max >= 0;
}

/** A value that is not quantised, and what it is an activation of: the two are computed together, in float. */
function withSources(structure: Structure, values: ReadonlySet<string>): ReadonlySet<string> {
  const all = new Set(values);
  for (const value of values) {
    const source = structure.activated(value)?.input;
    if (source !== undefined) all.add(source);
  }
  return all;
}
