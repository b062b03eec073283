import type { OnnxNode } from '../graph/index.js';
import { keptReason, lastReason, storedInt8, type FormPlan, type KeptFloat } from './form-plan.js';
import { numberLayers } from './head.js';
import type { Structure } from './structure.js';

/**
 * The form in FP8, which TensorRT alone takes: products read what is quantised, with one scale for each value, and weights with one for each channel; all else is
 * float, biases too. Depthwise convolutions stay float, as in INT8: mobilenetv2 agrees as well with FP32 either way, and they take little of the time.
 */
export function planFloat8(structure: Structure, kept: KeptFloat): FormPlan {
  const reasons = new Map<OnnxNode, string>();
  const int8 = new Set<OnnxNode>();
  const quantized = new Set<string>();
  const numbers = numberLayers(structure);
  for (const node of structure.nodes) {
    if (structure.kind(node) !== 'product' || structure.isTail(node)) continue;
    const read = structure.activationInputs(node);
    if (structure.isDepthwise(node)) reasons.set(node, 'depthwise: takes little time');
    else if (numbers.has(node)) reasons.set(node, lastReason);
    else if (read.some((value) => kept.values.has(value))) reasons.set(node, keptReason);
    else {
      int8.add(node);
      for (const value of read) quantized.add(value);
    }
  }
  return {
    form: 'tensorrt',
    values: 'float8e4m3fn',
    scales: 'float32',
    int8,
    absorbed: new Set(),
    storedInt8: storedInt8(structure, { int8, absorbed: new Set(), quantized }),
    quantized,
    tied: [],
    concatenated: [],
    reasons,
  };
}
