import type { ModelProto } from '../graph/index.js';
import { FloatValues, planHalf, simulateHalf, writeHalfForm, type TensorStatistics } from '../precision/index.js';
import {
  notAsked,
  quantizedForms,
  type LayerPrecision,
  type QuantizedFormName,
  type QuantizedForms,
  type QuantizedLayer,
} from './quantized-layer.js';

/**
 * Makes a model in FP16: one form for all engines. `model` has been normalised; `statistics` are of every value of float32 in it: what reaches so far that half
 * precision may not hold it stays float32. Forms that are not asked for are FP32.
 */
export function halfModel(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  forms: readonly QuantizedFormName[] = quantizedForms,
): QuantizedForms {
  const values = new FloatValues(model);
  const largest = new Map(statistics.map(({ name, min, max }) => [name, Math.max(Math.abs(min), Math.abs(max))]));
  const plan = planHalf(values, largest);
  const half = writeHalfForm(model, values, plan);
  const ofForms = <T>(asked: T, other: T): Record<QuantizedFormName, T> => ({
    onnxruntime: forms.includes('onnxruntime') ? asked : other,
    tensorrt: forms.includes('tensorrt') ? asked : other,
  });
  const byName = new Map(statistics.map((one) => [one.name, one]));
  const { structure } = values;
  const layers = structure.nodes
    .filter((node) => structure.isLayer(node) || plan.reasons.has(node))
    .map((node): QuantizedLayer => {
      const [output = ''] = node.outputs;
      const precision = plan.half.has(node) ? 'float16' : 'float32';
      const reason = plan.reasons.get(node);
      const reasons = ofForms(reason, notAsked);
      const seen = byName.get(output);
      return {
        name: node.name || output,
        operator: node.opType,
        macs: structure.isLayer(node) ? structure.macs(node) || null : null,
        precision: ofForms<LayerPrecision>(precision, 'float32'),
        reasons: Object.fromEntries(Object.entries(reasons).filter(([, told]) => told !== undefined)),
        range: seen && { min: seen.min, max: seen.max },
        noiseDb: {},
      };
    });
  const simulated = forms.includes('tensorrt') ? simulateHalf(half) : undefined;
  return { ...ofForms(half, model), precision: ofForms<LayerPrecision>('float16', 'float32'), simulated, layers };
}
