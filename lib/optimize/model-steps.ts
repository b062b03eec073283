import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

import { checkModelBundleOutput, sha256OfFile, writeModelBundle } from '../engine/index.js';
import { CalibrationError, invalidArgument, ModelError } from '../errors/index.js';
import { inlineExternalData, normalizeModel, readModel, writeModel, type ModelProto } from '../graph/index.js';
import {
  allFloatPoints,
  CalibrationTable,
  floatCalibrationPoints,
  Structure,
  tableText,
  type CalibrationPoint,
} from '../precision/index.js';
import { bundledTask } from '../tasks/index.js';
import type { Tensor } from '../tensor/index.js';
import { tooFewToCorrect } from './form-correction.js';
import { calibrate } from './calibrate.js';
import { listPictures, orderPictures } from './calibration-pictures.js';
import { evaluateConstants } from './evaluate-constants.js';
import { calibratedPictures } from './held-back.js';
import { prepareInputs } from './latency-inputs.js';
import type { Method } from './method.js';
import { methods } from './methods.js';
import type { ConvertOptions, OptimizedSource, OptimizeSteps } from './optimize-steps.js';
import type { FormPrecision, Precision } from './quantized-layer.js';

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
    if (precision === 'fp32') new Structure(model).checkLayers();
    else pointsOf(precision, model);
    return model;
  },
  calibrate: ({ path, precision, taskOptions }, { onProgress, ...options }) =>
    calibrate(path, {
      ...taskOptions,
      ...options,
      resume: options.table !== undefined,
      tensors: methodOf({ precision }).tensors,
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
  async convert(source, table, options) {
    const { convert } = methodOf(source);
    return await withSamples(source, table, options, (samples) => convert(source.model, table.tensors, samples, options));
  },
  async ladder(source, table, options) {
    const { ladder } = methodOf(source);
    return await withSamples(source, table, options, (samples) => ladder(source.model, table.tensors, samples, options));
  },
  writeModel: async (model, path) => {
    await writeModel(model, path);
  },
  async writeBundle(output, { source, task, forms, calibration, report, files }, { signal }) {
    const { name, bytes, sha256 } = report.model;
    const written = forms.map(({ form, precision, pruning, write }) => [
      form,
      {
        precision,
        passes: ['normalize', ...(pruning === undefined ? [] : [`prune ${pruning}`]), ...(passOf[precision]?.(form) ?? [])],
        write,
      },
    ]);
    await writeModelBundle(
      output,
      {
        ...bundledTask(task, source.taskOptions),
        source: { name: basename(name, '.onnx'), bytes, sha256 },
        forms: Object.fromEntries(written) as Parameters<typeof writeModelBundle>[1]['forms'],
        calibration: calibration && tableText(calibration),
        reports: files,
        measured: { forms: report.forms },
        decisions: report.decisions,
      },
      signal,
    );
  },
};

/** Of FP32 nothing is calibrated or converted. */
function methodOf({ precision }: Pick<OptimizedSource, 'precision'>): Method {
  if (precision === 'fp32') throw invalidArgument('precision', 'one that is converted to', precision);
  return methods[precision];
}

/** What calibration looks at. Throws MODEL_UNSUPPORTED. */
function pointsOf(precision: Precision, model: ModelProto): readonly CalibrationPoint[] {
  const { tensors, samplesOf } = methodOf({ precision });
  // What is measured are layers: told where there is none.
  const ofLayers = samplesOf(model) > 0 ? floatCalibrationPoints(model) : [];
  return tensors === 'layers' ? ofLayers : allFloatPoints(model);
}

async function checkTable(
  { path, precision, model }: OptimizedSource,
  table: CalibrationTable,
  { task, signal }: ConvertOptions,
): Promise<void> {
  const sha256 = await sha256OfFile(path, signal);
  // Of a batch of several, calibration makes one of one, in which less is constant: it has all values of this, and more.
  const mayHaveMore = methodOf({ precision }).tensors === 'all';
  table.checkSame(
    { model: { name: basename(path), sha256 }, preprocess: task.preprocess.options },
    pointsOf(precision, model),
    mayHaveMore,
  );
}

/** Uses a calibration, with inputs by which is found what loses too much, and how far off means are, where that is measured. */
async function withSamples<T>(
  source: OptimizedSource,
  table: CalibrationTable,
  options: ConvertOptions,
  use: (samples: readonly Tensor[]) => Promise<T>,
): Promise<T> {
  await checkTable(source, table, options);
  const count = methodOf(source).samplesOf(source.model);
  if (count === 0) return await use([]);
  const { task, pictures, seed, signal } = options;
  const { paths } = await orderPictures(pictures, seed, signal);
  const calibrated = await calibratedPictures(paths, new Set(table.pictures.map((one) => one.sha256)), count, signal);
  // Of a table that was made of other pictures, there is none. Those that there are will judge the forms, which then are not corrected by them.
  const [samples, most] = calibrated.length > 0 ? [calibrated, count] : [paths, tooFewToCorrect];
  await using inputs = await prepareInputs([task.session], task.preprocess, samples, signal, most);
  return await use(inputs.of(0).tensors);
}

/** What follows normalising. */
const passOf: Readonly<Partial<Record<FormPrecision, (form: string) => readonly string[]>>> = {
  int8: (form) => [`int8 for ${form}`],
  mixed: (form) => [`int8 for ${form}`, 'float16'],
  ...Object.fromEntries((['float16', 'bfloat16', 'float8', 'int4'] as const).map((name) => [name, () => [name]])),
};

async function checkFile(path: string): Promise<void> {
  if ((await stat(path).catch(() => undefined))?.isDirectory() !== true) return;
  throw new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected the file of a model to optimise but ${path} is a folder, as bundles of optimised models are`,
    hint: 'Give the .onnx file in FP32 that the bundle was made of.',
  });
}
