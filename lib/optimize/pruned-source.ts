import { mkdir } from 'node:fs/promises';
import { join, parse } from 'node:path';

import { CalibrationError, FoveateError } from '../errors/index.js';
import { pruneWeights, Structure, type PrunedLayer, type Pruning } from '../precision/index.js';
import type { Task } from '../tasks/index.js';
import { likeOptions } from './form-judge.js';
import type { ReportedPruning } from './optimization-report.js';
import type { OptimizedSource, OptimizeSteps, StepOptions } from './optimize-steps.js';
import type { QuantizedForms, QuantizedLayer } from './quantized-layer.js';

/** A model that was pruned: what is calibrated and converted in the place of the one that was given. */
export interface PrunedSource extends OptimizedSource {
  readonly pruning: Pruning;
  readonly layers: readonly PrunedLayer[];
}

/** Prunes a model and writes it into `folder`. Rejects with MODEL_UNSUPPORTED where it has nothing to prune, ABORTED. */
export async function pruneSource(
  source: OptimizedSource,
  pruning: Pruning,
  given: StepOptions & {
    /** The model as it was given. */
    readonly task: Task;
    readonly folder: string;
    readonly writeModel: OptimizeSteps<never>['writeModel'];
  },
): Promise<PrunedSource> {
  const { model, layers } = await pruneWeights(source.model, pruning, given);
  const place = join(given.folder, 'pruned');
  await mkdir(place);
  const path = join(place, `${parse(source.path).name}.onnx`);
  await given.writeModel(model, path);
  // No files lie beside it that tell how it is opened.
  const taskOptions = { ...source.taskOptions, ...likeOptions(given.task) };
  return { ...source, path, model, taskOptions, pruning, layers };
}

/** Waits for the calibration of a model. Where it was pruned, what is doubted may be what pruning left of it, and the error says so. */
export async function calibratedAsPruned<C>(pruning: Pruning | undefined, calibration: Promise<C>): Promise<C> {
  try {
    return await calibration;
  } catch (error) {
    if (pruning === undefined || !(error instanceof FoveateError) || error.code !== 'CALIBRATION_DOUBTFUL') throw error;
    throw new CalibrationError('CALIBRATION_DOUBTFUL', {
      message: `Of the model that was pruned (${pruning}): ${error.message}`,
      hint: 'Prune less, or leave the precision out to see what pruning leaves of the model. The option --force goes on all the same.',
      details: error.details,
      cause: error,
    });
  }
}

export function reportedPruning({ pruning, layers }: PrunedSource): ReportedPruning {
  const sum = (of: (layer: PrunedLayer) => number): number => layers.reduce((all, layer) => all + of(layer), 0);
  const weights = sum((layer) => layer.weights);
  return {
    scheme: pruning,
    zeros: sum(({ zeros }) => zeros) / weights,
    zerosBefore: sum(({ zerosBefore }) => zerosBefore) / weights,
  };
}

/** The layers, each with what became of its weights. */
export function withPruning(layers: readonly QuantizedLayer[], pruned: PrunedSource | undefined): readonly QuantizedLayer[] {
  const byName = new Map(pruned?.layers.map((layer) => [layer.name, layer]));
  return layers.map((layer) => {
    const found = byName.get(layer.name);
    return found === undefined
      ? layer
      : { ...layer, pruned: { zeros: found.zeros / found.weights, ...(found.reason !== undefined && { reason: found.reason }) } };
  });
}

/** A model that stays in FP32, as both forms. */
export function floatForms(model: OptimizedSource['model']): QuantizedForms {
  const structure = new Structure(model);
  const layers = structure.nodes
    .filter((node) => structure.isLayer(node))
    .map((node): QuantizedLayer => ({
      name: node.name || (node.outputs[0] ?? ''),
      operator: node.opType,
      macs: structure.macs(node) || null,
      precision: { onnxruntime: 'float32', tensorrt: 'float32' },
      reasons: {},
      noiseDb: {},
    }));
  return { onnxruntime: model, tensorrt: model, precision: { onnxruntime: 'float32', tensorrt: 'float32' }, layers };
}
