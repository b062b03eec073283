import type { ModelProto } from '../graph/index.js';
import { FloatValues, planHalf, simulateHalf, writeHalfForm, type TensorStatistics } from '../precision/index.js';
import type { QuantizedForms, QuantizedLayer } from './quantized-layer.js';

/**
 * Makes a model in FP16: one form for all engines. `model` has been normalised; `statistics` are of every value of float32 in it: what reaches so far that half
 * precision may not hold it stays float32.
 */
export function halfModel(model: ModelProto, statistics: readonly TensorStatistics[]): QuantizedForms {
  const values = new FloatValues(model);
  const largest = new Map(statistics.map(({ name, min, max }) => [name, Math.max(Math.abs(min), Math.abs(max))]));
  const plan = planHalf(values, largest);
  const half = writeHalfForm(model, values, plan);
  const byName = new Map(statistics.map((one) => [one.name, one]));
  const { structure } = values;
  const layers = structure.nodes
    .filter((node) => structure.isLayer(node) || plan.reasons.has(node))
    .map((node): QuantizedLayer => {
      const [output = ''] = node.outputs;
      const precision = plan.half.has(node) ? 'float16' : 'float32';
      const reason = plan.reasons.get(node);
      const seen = byName.get(output);
      return {
        name: node.name || output,
        operator: node.opType,
        macs: structure.isLayer(node) ? structure.macs(node) || null : null,
        precision: { onnxruntime: precision, tensorrt: precision },
        reasons: reason === undefined ? {} : { onnxruntime: reason, tensorrt: reason },
        range: seen && { min: seen.min, max: seen.max },
        noiseDb: {},
      };
    });
  const precision = { onnxruntime: 'float16', tensorrt: 'float16' } as const;
  return { onnxruntime: half, tensorrt: half, precision, simulated: simulateHalf(half), layers };
}
