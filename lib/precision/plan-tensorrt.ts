import type { OnnxNode } from '../graph/index.js';
import { keptReason, lastReason, storedInt8, tieTogether, type FormPlan, type KeptFloat } from './form-plan.js';
import { numberLayers } from './head.js';
import type { Structure } from './structure.js';

/** Next to products, what reads integers: https://docs.nvidia.com/deeplearning/tensorrt/latest/inference-library/work-quantized-types.html */
const integerReaders = new Set(['Add', 'Concat', 'MaxPool', 'AveragePool', 'GlobalAveragePool', 'Resize']);

/**
 * The form for TensorRT: signed, symmetric, biases in float, and quantised is what a layer reads, never what lies between a convolution and its
 * activation, where TensorRT fuses by itself. Depthwise convolutions stay float: they lose most at eight bits and take 4 to 7 % of the time.
 */
export function planTensorRt(structure: Structure, kept: KeptFloat, scales: FormPlan['scales'] = 'float32'): FormPlan {
  const reasons = new Map<OnnxNode, string>();
  const int8 = new Set<OnnxNode>();
  const quantized = new Set<string>();
  const numbers = numberLayers(structure);
  const reads = (node: OnnxNode): void => {
    int8.add(node);
    for (const value of structure.activationInputs(node)) quantized.add(value);
  };
  const mayRead = (node: OnnxNode): boolean => structure.activationInputs(node).every((value) => !kept.values.has(value));
  for (const node of structure.nodes) {
    if (structure.kind(node) !== 'product' || structure.isTail(node)) continue;
    if (structure.isDepthwise(node)) reasons.set(node, 'depthwise: loses most at 8 bits and takes little time');
    else if (numbers.has(node)) reasons.set(node, lastReason);
    else if (!mayRead(node)) reasons.set(node, keptReason);
    else reads(node);
  }
  // From the outputs on: a reader that feeds another may do it in integers too.
  for (const node of structure.nodes.toReversed()) {
    const isReader = integerReaders.has(node.opType) && node.domain === '' && structure.kind(node) !== 'float';
    if (isReader && !structure.isTail(node) && mayRead(node) && feedsIntegers(structure, node, int8, quantized)) reads(node);
  }
  const carried = [...int8].filter((node) => structure.kind(node) === 'carry' && quantized.has(node.outputs[0] as string));
  return {
    form: 'tensorrt',
    values: 'int8',
    scales,
    int8,
    absorbed: new Set(),
    storedInt8: storedInt8(structure, { int8, absorbed: new Set(), quantized }),
    quantized,
    tied: tieTogether(carried.map((node) => [node.inputs[0] as string, ...node.outputs])),
    concatenated: [...int8]
      .filter(({ opType, outputs }) => opType === 'Concat' && quantized.has(outputs[0] as string))
      .map((node) => [...node.inputs, ...node.outputs]),
    reasons,
  };
}

/** Whether what a node makes is quantised, as it is or after an activation. */
function feedsIntegers(
  structure: Structure,
  node: OnnxNode,
  int8: ReadonlySet<OnnxNode>,
  quantized: ReadonlySet<string>,
): boolean {
  return node.outputs.some(
    (value) =>
      quantized.has(value) ||
      structure
        .consumers(value)
        .some((reader) => structure.kind(reader) === 'activation' && feedsIntegers(structure, reader, int8, quantized)),
  );
}
