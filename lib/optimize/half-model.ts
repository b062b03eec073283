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
import { ofForms, reasonsOf, type QuantizedFormName, type QuantizedForms, type QuantizedLayer } from './quantized-layer.js';

/** Why a form for ONNX Runtime is FP32. */
const noKernels = 'CPUs have no BF16: ONNX Runtime has no kernels for it';

/**
 * Makes a model in half precision: in FP16, one form for all engines; in BF16, one for TensorRT. `model` has been normalised; `statistics` are of every value of
 * float32 in it: what reaches so far that half precision may not hold it stays float32. Forms that are not asked for are FP32.
 */
export function halfModel(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  type: HalfType,
  forms: readonly QuantizedFormName[],
): QuantizedForms {
  const values = new FloatValues(model);
  const largest = new Map(statistics.map((seen) => [seen.name, largestOf(seen)]));
  const plan = planHalf(values, largest, type);
  const half = writeHalfForm(model, values, plan);
  const isMade = (form: QuantizedFormName): boolean => forms.includes(form) && (form === 'tensorrt' || type === 'float16');
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
        precision: ofForms((form) => (isMade(form) ? precision : 'float32')),
        reasons: reasonsOf(forms, (form) => (isMade(form) ? reason : noKernels)),
        range: seen && { min: seen.min, max: seen.max },
        noiseDb: {},
      };
    });
  const made = type === 'float16' ? half : inOpset(half, firstOpset.bfloat16);
  return {
    ...ofForms((form) => (isMade(form) ? made : model)),
    precision: ofForms((form) => (isMade(form) ? type : 'float32')),
    simulated: forms.includes('tensorrt') ? simulateHalf(half, type) : undefined,
    layers,
  };
}

/** The greatest absolute element that was seen. */
export function largestOf({ min, max }: TensorStatistics): number {
  return Math.max(Math.abs(min), Math.abs(max));
}
