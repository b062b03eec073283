import type { OnnxModel } from '../graph/index.js';

export const activations = ['none', 'softmax', 'sigmoid'] as const;

/** What is applied to raw scores. */
export type Activation = (typeof activations)[number];

/** Operators that pass scores on as they are. */
export const passThrough: readonly string[] = [
  ...['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Cast'],
  ...['QuantizeLinear', 'DequantizeLinear'],
];

/**
 * The activation that a model leaves to be done. `producer` is the operator that makes the output, operators that only reshape it passed over: where
 * it is an activation already, nothing is left; otherwise the output is raw, and takes `usual`.
 */
export function recognizeActivation(producer: string | undefined, usual: Activation): Activation {
  return producer === 'Softmax' || producer === 'Sigmoid' || producer === 'HardSigmoid' ? 'none' : usual;
}

/** The operator that makes an output, those passed over that hand scores on as they are; undefined where there is none. */
export function producerOf(graph: OnnxModel, output: string): string | undefined {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  let name = output;
  // As many steps as there are nodes: in a damaged model a value may hang on itself.
  for (let step = 0; step < graph.nodes.length; step++) {
    const node = makers.get(name);
    if (node === undefined || !passThrough.includes(node.opType)) return node?.opType;
    name = node.inputs[0] ?? '';
  }
  return undefined;
}
