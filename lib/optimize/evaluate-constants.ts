import { encodeModel, type ConstantValue, type ModelProto } from '../graph/index.js';
import { createSession } from '../session/index.js';

/**
 * What a model without inputs gives, by ONNX Runtime on the CPU: the `evaluate` of `foldConstants` and `normalizeModel`. Rejects as {@link createSession} does.
 */
export async function evaluateConstants(model: ModelProto): Promise<ReadonlyMap<string, ConstantValue>> {
  await using session = await createSession(encodeModel(model), { device: 'cpu', threads: 1, graphOptimization: 'disabled' });
  using result = await session.run({});
  return new Map(
    // Copies: the outputs go with the result.
    Object.entries(result.outputs).map(([name, { dtype, dims, data }]) => [name, { dtype, dims: [...dims], data: data.slice() }]),
  );
}
