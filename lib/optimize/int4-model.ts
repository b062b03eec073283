import { ModelError } from '../errors/index.js';
import type { ModelProto, OnnxNode } from '../graph/index.js';
import {
  int4Trials,
  outputGroups,
  planInt4,
  quantizeWeights,
  Structure,
  trialsAtEightBits,
  writeWeightOnlyForm,
  type Int4Weights,
  type LayerWeights,
  type TensorStatistics,
} from '../precision/index.js';
import type { Tensor } from '../tensor/index.js';
import type { MethodOptions } from './method.js';
import { ofForms, reasonsOf, type QuantizedFormName, type QuantizedForms, type QuantizedLayer } from './quantized-layer.js';
import { Sensitivity, type KeepNoise } from './sensitivity.js';

const keptReason = 'measured: too much is lost at 4 bits';

/**
 * Makes a model with weights of four bits, and all else in float: one form for all engines. Layers whose weights lose too much are found by runs of the samples; these
 * have eight bits. `model` has been normalised.
 *
 * Throws MODEL_UNSUPPORTED where no layer has weights enough, INVALID_ARGUMENT for weights that are no numbers, ABORTED.
 */
export async function int4Model(
  model: ModelProto,
  statistics: readonly TensorStatistics[],
  samples: readonly Tensor[],
  { forms, signal, onProgress }: MethodOptions,
  keep?: KeepNoise,
): Promise<QuantizedForms> {
  const structure = new Structure(model);
  structure.checkLayers();
  const plan = await planInt4(structure, signal);
  if (plan.int4.size === 0) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: 'The model has no layer whose weights are worth four bits: none has enough of them in whole blocks',
      hint: 'Make it in another precision.',
    });
  }
  const trials = int4Trials(structure, plan);
  const kept = new Set((await keptAt8Bits()).map((trial) => trials[trial]!.value));
  const weights = new Map<OnnxNode, Int4Weights | LayerWeights>();
  const reasons = new Map(plan.reasons);
  for (const [node, four] of plan.int4) {
    if (!kept.has(node.inputs[1] as string)) weights.set(node, four);
    else reasons.set(node, keptReason);
  }
  for (const node of structure.nodes) {
    if (!plan.int8.has(node) && reasons.get(node) !== keptReason) continue;
    const { tensor, axis } = structure.weights(node);
    const eight = await quantizeWeights(tensor.data as Float32Array, tensor.dims, axis, { signal });
    weights.set(node, { ...eight, dtype: 'int8', dims: tensor.dims, axis });
  }
  const form = writeWeightOnlyForm(model, structure, weights);
  const isMade = (name: QuantizedFormName): boolean => forms.includes(name);
  // With all of them at eight bits, it is a form of those.
  const stored = [...weights.values()].some(({ dtype }) => dtype === 'int4') ? 'int4' : 'int8';
  const layers = layersOf(structure, weights, reasons, statistics).map((layer) => ({
    ...layer,
    precision: ofForms((name) => (isMade(name) ? layer.precision[name] : 'float32')),
    reasons: reasonsOf(forms, (name) => layer.reasons[name]),
  }));
  return {
    ...ofForms((name) => (isMade(name) ? form : model)),
    precision: ofForms((name) => (isMade(name) ? stored : 'float32')),
    layers,
  };

  async function keptAt8Bits(): Promise<readonly number[]> {
    await using sensitivity = await Sensitivity.of(model, trials, outputGroups(structure), samples, signal);
    const noise = await sensitivity.measureEach((done) => onProgress?.(done, trials.length), keep);
    return trialsAtEightBits(trials, noise);
  }
}

function layersOf(
  structure: Structure,
  weights: ReadonlyMap<OnnxNode, Int4Weights | LayerWeights>,
  reasons: ReadonlyMap<OnnxNode, string>,
  statistics: readonly TensorStatistics[],
): readonly QuantizedLayer[] {
  const byName = new Map(statistics.map((one) => [one.name, one]));
  return structure.nodes
    .filter((node) => structure.isLayer(node))
    .map((node) => {
      const [output = ''] = node.outputs;
      const stored = weights.get(node)?.dtype;
      const precision = stored === 'int4' || stored === 'int8' ? stored : 'float32';
      const reason = reasons.get(node);
      const seen = byName.get(output);
      return {
        name: node.name || output,
        operator: node.opType,
        macs: structure.macs(node) || null,
        precision: { onnxruntime: precision, tensorrt: precision },
        reasons: reason === undefined ? {} : { onnxruntime: reason, tensorrt: reason },
        range: seen && { min: seen.min, max: seen.max },
        noiseDb: {},
      };
    });
}
