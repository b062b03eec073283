import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

import { checkModelBundleOutput, sha256OfFile, writeModelBundle } from '../engine/index.js';
import { CalibrationError, ModelError } from '../errors/index.js';
import { inlineExternalData, normalizeModel, readModel, writeModel, type ModelProto } from '../graph/index.js';
import {
  allFloatPoints,
  CalibrationTable,
  floatCalibrationPoints,
  tableText,
  type CalibrationPoint,
} from '../precision/index.js';
import { bundledTask } from '../tasks/index.js';
import { correctionSamples, tooFewToCorrect } from './bias-correction.js';
import { calibrate } from './calibrate.js';
import { listPictures, orderPictures } from './calibration-pictures.js';
import { evaluateConstants } from './evaluate-constants.js';
import { calibratedPictures } from './held-back.js';
import { halfModel } from './half-model.js';
import { prepareInputs, type LatencyInputs } from './latency-inputs.js';
import type { OptimizedSource, OptimizeSteps } from './optimize-steps.js';
import { quantizeModel } from './quantize-model.js';
import type { LayerPrecision, Precision } from './quantized-layer.js';
import { halfLadder, int8Ladder } from './search/ladder.js';

/** What `optimizeModel` does. */
export const modelSteps: OptimizeSteps<CalibrationTable> = {
  listPictures,
  checkOutput: checkModelBundleOutput,
  async normalize(path, precision, { signal }) {
    await checkFile(path);
    const { proto } = await readModel(path, { signal });
    // As where its points for calibration were found: passes read the weights.
    const model = await normalizeModel(await inlineExternalData(proto, dirname(path), { signal }), {
      evaluate: evaluateConstants,
    });
    // Told before anything runs, and where a table is given, too.
    pointsOf(precision, model);
    return model;
  },
  calibrate: ({ path, precision, taskOptions }, { onProgress, ...options }) =>
    calibrate(path, {
      ...taskOptions,
      ...options,
      resume: options.table !== undefined,
      tensors: precision === 'int8' ? 'layers' : 'all',
      onProgress: ({ pictures, total }) => onProgress?.(pictures, total),
    }),
  async readTable(path) {
    const table = await CalibrationTable.read(path);
    if (!table.partial) return table;
    throw new CalibrationError('CALIBRATION_INVALID', {
      message: `The calibration was interrupted: ${table.pictures.length} of ${table.wanted} pictures are in the table`,
      hint: 'Let it end: foveate calibrate with --resume.',
    });
  },
  async convert(source, table, { onProgress, ...options }) {
    await checkTable(source, table, options);
    if (source.precision === 'fp16') return halfModel(source.model, table.tensors);
    await using inputs = await samplesFor(source, table, options);
    return await quantizeModel(source.model, table.tensors, inputs.of(0).tensors, {
      signal: options.signal,
      onProgress: ({ form, phase, done }) => {
        if (phase === 'sensitivity') onProgress?.(Math.round(50 * (done + (form === 'tensorrt' ? 1 : 0))), 100);
      },
    });
  },
  async ladder(source, table, options) {
    await checkTable(source, table, options);
    if (source.precision === 'fp16') return halfLadder(source.model, table.tensors);
    await using inputs = await samplesFor(source, table, options);
    return await int8Ladder(source.model, table.tensors, inputs.of(0).tensors, options);
  },
  writeModel: async (model, path) => {
    await writeModel(model, path);
  },
  async writeBundle(output, { source, task, forms, calibration, report, files }, { signal }) {
    const { name, bytes, sha256 } = report.model;
    const written = forms.map(({ form, precision, write }) => [
      form,
      { precision, passes: ['normalize', ...(passOf[precision]?.(form) ?? [])], write },
    ]);
    await writeModelBundle(
      output,
      {
        ...bundledTask(task, source.taskOptions),
        source: { name: basename(name, '.onnx'), bytes, sha256 },
        forms: Object.fromEntries(written) as Parameters<typeof writeModelBundle>[1]['forms'],
        calibration: tableText(calibration),
        reports: files,
        measured: { forms: report.forms },
        decisions: report.decisions,
      },
      signal,
    );
  },
};

/** What calibration looks at. Throws MODEL_UNSUPPORTED. */
function pointsOf(precision: Precision, model: ModelProto): readonly CalibrationPoint[] {
  return precision === 'int8' ? floatCalibrationPoints(model) : allFloatPoints(model);
}

type ConvertOptions = Parameters<OptimizeSteps<CalibrationTable>['convert']>[2];

async function checkTable(
  { path, precision, model }: OptimizedSource,
  table: CalibrationTable,
  { task, signal }: ConvertOptions,
): Promise<void> {
  const sha256 = await sha256OfFile(path, signal);
  // Of a batch of several, calibration makes one of one, in which less is constant: it has all values of this, and more.
  const mayHaveMore = precision === 'fp16';
  table.checkSame(
    { model: { name: basename(path), sha256 }, preprocess: task.preprocess.options },
    pointsOf(precision, model),
    mayHaveMore,
  );
}

/** Inputs by which is found what loses too much, and how far off means are. */
async function samplesFor(
  { model }: OptimizedSource,
  table: CalibrationTable,
  { task, pictures, seed, signal }: ConvertOptions,
): Promise<LatencyInputs> {
  const { paths } = await orderPictures(pictures, seed, signal);
  const known = new Set(table.pictures.map(({ sha256 }) => sha256));
  const count = correctionSamples(model);
  const calibrated = await calibratedPictures(paths, known, count, signal);
  // Of a table that was made of other pictures, there is none. Those that there are will judge the forms, which then are not corrected by them.
  const [samples, most] = calibrated.length > 0 ? [calibrated, count] : [paths, tooFewToCorrect];
  return await prepareInputs([task.session], task.preprocess, samples, signal, most);
}

/** What follows normalising. */
const passOf: Readonly<Partial<Record<LayerPrecision, (form: string) => readonly string[]>>> = {
  int8: (form) => [`int8 for ${form}`],
  float16: () => ['float16'],
};

async function checkFile(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory() !== true) return;
  throw new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected the file of a model to optimise but ${path} is a folder, as bundles of optimised models are`,
    hint: 'Give the .onnx file in FP32 that the bundle was made of.',
  });
}
