export const activations = ['none', 'softmax', 'sigmoid'] as const;

/** What is applied to raw scores. */
export type Activation = (typeof activations)[number];

/** Operators that pass scores on as they are. */
export const passThrough: readonly string[] = ['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Cast'];

/**
 * The activation that a model leaves to be done. `producer` is the operator that makes the output, operators that only reshape it passed over: where
 * it is an activation already, nothing is left; otherwise the output is raw, and takes `usual`.
 */
export function recognizeActivation(producer: string | undefined, usual: Activation): Activation {
  return producer === 'Softmax' || producer === 'Sigmoid' || producer === 'HardSigmoid' ? 'none' : usual;
}
