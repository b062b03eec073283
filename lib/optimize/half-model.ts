import type { ModelProto } from '../graph/index.js';
import {
  firstOpset,
  FloatValues,
  inOpset,
  planHalf,
  simulateHalf,
  writeHalfForm,
  type HalfType,
  type TensorStatistics,
} from '../precision/index.js';
import type { QuantizedForms, QuantizedLayer } from './quantized-layer.js';

/** Why a form for ONNX Runtime is FP32. */
const noKernels = 'CPUs have no BF16: ONNX Runtime has no kernels for it';

/**
 * Makes a model in half precision: in FP16, one form for all engines; in BF16, one for TensorRT. `model` has been normalised; `statistics` are of every value of
 * float32 in it: what reaches so far that half precision may not hold it stays float32.
 */
export function halfModel(model: ModelProto, statistics: readonly TensorStatistics[], type: HalfType): QuantizedForms {
  const values = new FloatValues(model);
  const largest = new Map(statistics.map(({ name, min, max }) => [name, Math.max(Math.abs(min), Math.abs(max))]));
  const plan = planHalf(values, largest, type);
  const half = writeHalfForm(model, values, plan);
  const byName = new Map(statistics.map((one) => [one.name, one]));
  const { structure } = values;
  const layers = structure.nodes
    .filter((node) => structure.isLayer(node) || plan.reasons.has(node))
    .map((node): QuantizedLayer => {
      const [output = ''] = node.outputs;
      const precision = plan.half.has(node) ? type : 'float32';
      const reason = plan.reasons.get(node);
      const seen = byName.get(output);
      return {
        name: node.name || output,
        operator: node.opType,
        macs: structure.isLayer(node) ? structure.macs(node) || null : null,
        precision: { onnxruntime: type === 'float16' ? precision : 'float32', tensorrt: precision },
        reasons: {
          ...(type === 'bfloat16' ? { onnxruntime: noKernels } : reason !== undefined && { onnxruntime: reason }),
          ...(reason !== undefined && { tensorrt: reason }),
        },
        range: seen && { min: seen.min, max: seen.max },
        noiseDb: {},
      };
    });
  const simulated = simulateHalf(half, type);
  if (type === 'float16') return { onnxruntime: half, tensorrt: half, simulated, layers };
  return { onnxruntime: model, tensorrt: inOpset(half, firstOpset.bfloat16), simulated, keptFloat: ['onnxruntime'], layers };
}
