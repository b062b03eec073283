import type { OnnxNode, OnnxTensor } from '../graph/index.js';
import type { RangeActivation } from './range.js';

/**
 * The activation that a node of one operator is; undefined for any other node. SiLU takes two: see {@link isSiluProduct}. `constant` gives the
 * initializers of the graph.
 */
export function activationOf(node: OnnxNode, constant: (name: string) => OnnxTensor | undefined): RangeActivation | undefined {
  if (node.domain !== '') return undefined;
  const number = (name: string, otherwise: number): number => {
    const value = node.attributes.get(name);
    return typeof value === 'number' ? value : otherwise;
  };
  switch (node.opType) {
    case 'Relu':
      return { name: 'relu' };
    case 'Sigmoid':
      return { name: 'sigmoid' };
    case 'Tanh':
      return { name: 'tanh' };
    case 'HardSwish':
      return { name: 'hard-swish' };
    case 'Gelu':
      return { name: 'gelu' };
    case 'Mish':
      return { name: 'mish' };
    // Defaults as in the operator schemas of ONNX.
    case 'LeakyRelu':
      return { name: 'leaky-relu', alpha: number('alpha', 0.01) };
    case 'Elu':
      return { name: 'elu', alpha: number('alpha', 1) };
    case 'HardSigmoid':
      return { name: 'hard-sigmoid', alpha: number('alpha', 0.2), beta: number('beta', 0.5) };
    case 'Clip': {
      const [min, max] = [1, 2].map((index) => limit(node.inputs[index] ?? '', constant));
      if (min === null || max === null) return undefined;
      return { name: 'clip', min: min ?? -Infinity, max: max ?? Infinity };
    }
    default:
      return undefined;
  }
}

/** Whether a node is the product of SiLU, x * Sigmoid(x); then its x. */
export function siluInput(node: OnnxNode, producer: (value: string) => OnnxNode | undefined): string | undefined {
  if (node.opType !== 'Mul' || node.domain !== '') return undefined;
  const [left = '', right = ''] = node.inputs;
  for (const [x, gate] of [
    [left, right],
    [right, left],
  ] as const) {
    const sigmoid = producer(gate);
    if (sigmoid?.opType === 'Sigmoid' && sigmoid.domain === '' && sigmoid.inputs[0] === x) return x;
  }
  return undefined;
}

/** undefined: no limit; null: one that only a run tells. */
function limit(name: string, constant: (name: string) => OnnxTensor | undefined): number | undefined | null {
  if (name === '') return undefined;
  const value = constant(name)?.data?.[0];
  return value === undefined ? null : Number(value);
}
