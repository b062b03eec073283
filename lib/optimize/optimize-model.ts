import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join, parse, resolve } from 'node:path';

import { packageVersion } from '../binding/index.js';
import type { Dataset } from '../dataset/index.js';
import { formFileName, makeFolder, sha256OfFile } from '../engine/index.js';
import {
  checkBoolean,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkPath,
  checkSignal,
  invalidArgument,
  DatasetError,
  FoveateError,
  MediaError,
} from '../errors/index.js';
import { checkEvaluable } from '../evaluation/index.js';
import { modelPath, type ModelProto } from '../graph/index.js';
import { loadTask, type LoadTaskOptions, type Task } from '../tasks/index.js';
import { EnergyMeter } from './energy.js';
import { FormJudge, type FormFile } from './form-judge.js';
import { biasWords, floatLayers, noticesOf, searchNotices, searchWords } from './decisions.js';
import { calibratedOf, decides, heldBackDataset, heldBackPictures } from './held-back.js';
import { modelSteps } from './model-steps.js';
import { thisMachine } from './machine.js';
import type { OptimizationReport, ReportedForm } from './optimization-report.js';
import type { BundledOptimization, Calibration, OptimizedSource, OptimizeSteps } from './optimize-steps.js';
import { modelBytes } from './model-bytes.js';
import { taskNameOf } from './picture-comparison.js';
import { precisions, type LayerPrecision, type Precision, type QuantizedForms } from './quantized-layer.js';
import { csvOfForms, csvOfLayers } from './report/csv-report.js';
import { htmlReport } from './report/html-report.js';
import { markdownReport } from './report/markdown-report.js';
import { checkBudget, shortfalls, type Budget } from './search/budget.js';
import { findForms, type FormsToFind } from './search/find-forms.js';
import { SearchJournal } from './search/journal.js';
import type { ReportedSearch } from './search/search-model.js';
import { judgeSpeed } from './speed-guard.js';
import { StepClock, type OptimizeProgress } from './step-clock.js';

export interface OptimizeOptions {
  /** Pictures as the model will meet them: a folder or what else calibration takes. Some are calibrated with, the others held back to measure what was lost. */
  readonly data: string;
  /** What layers are computed in. FP16 is for GPUs: on a CPU it saves memory alone. */
  readonly precision: Precision;
  /** The folder that the bundle is written to, in place of a bundle that is there. */
  readonly output: string;
  /** Labelled pictures, by which the forms are evaluated too; those that were calibrated with are left out. */
  readonly labelled?: Dataset | undefined;
  /** A calibration table to take instead of making one. */
  readonly calibration?: string | undefined;
  /** A folder that each form is written to as well, as a plain .onnx file. */
  readonly exportOnnx?: string | undefined;
  /** How many pictures are calibrated with, where no table is given. Default: 32, of fewer than 64 in all half of them, at least 16. */
  readonly pictures?: number | undefined;
  /** Decides which pictures are calibrated with and held back. Default 0. */
  readonly seed?: number | undefined;
  /** Goes on where calibration doubts its pictures. Default false. */
  readonly force?: boolean | undefined;
  /** Limits that the forms have to keep to: see {@link Budget}. What has to stay float for that is searched for. */
  readonly budget?: Budget | undefined;
  /** Latency is measured with one thread and with so many. Default: all cores. */
  readonly threads?: number | undefined;
  /** How the model is opened. */
  readonly task?: Omit<LoadTaskOptions, 'device' | 'threads' | 'signal'> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told as each step goes on. */
  readonly onProgress?: ((progress: OptimizeProgress) => void) | undefined;
}

const optionNames = [
  ...(['data', 'precision', 'output', 'labelled', 'calibration', 'exportOnnx'] as const),
  ...(['pictures', 'seed', 'force', 'budget', 'threads', 'task', 'signal', 'onProgress'] as const),
] satisfies (keyof OptimizeOptions)[];

interface CheckedOptions extends OptimizeOptions {
  readonly pictures: number | undefined;
  readonly seed: number;
  readonly force: boolean;
}

/**
 * Makes an INT8 or FP16 model: calibrates it on some of the pictures of a folder, makes a form for each engine, measures on this machine what that gains and, on the
 * pictures held back, what it costs, and writes a bundle with both forms and a report. The form for ONNX Runtime stays FP32 where the other is measured slower.
 *
 * Throws INVALID_ARGUMENT, UNKNOWN_OPTION, OUTPUT_NOT_WRITABLE, DATASET_NOT_FOUND, DATASET_UNSUPPORTED where the labels are not of the model's kind, ABORTED, and
 * as `loadTask`, calibration and quantisation do. Nothing is left at `output` unless all went well.
 */
export async function optimizeModel(model: string, options: OptimizeOptions): Promise<OptimizationReport> {
  return await optimizeInSteps(model, options, modelSteps);
}

/** {@link optimizeModel}, of which each step is given. */
export async function optimizeInSteps<C extends Calibration>(
  model: string,
  options: OptimizeOptions,
  steps: OptimizeSteps<C>,
): Promise<OptimizationReport> {
  const checked = checkedOptions(options);
  const path = modelPath('model', model);
  await steps.checkOutput(checked.output);
  if (checked.exportOnnx !== undefined) await makeExportFolder(checked.exportOnnx);
  const work = await mkdtemp(join(tmpdir(), 'foveate-optimize-'));
  try {
    return await new Optimization(path, checked, steps, work).run();
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function checkedOptions(options: OptimizeOptions): CheckedOptions {
  checkOptions('optimize options', options, optionNames);
  checkSignal(options.signal);
  checkOneOf('precision', options.precision, precisions);
  if (options.threads !== undefined) checkInteger('threads', options.threads, 1, 1024);
  if (options.calibration !== undefined && options.pictures !== undefined) {
    throw invalidArgument(
      'pictures',
      'nothing beside a calibration, which has its pictures',
      options.pictures,
      'Leave out either.',
    );
  }
  return {
    ...options,
    data: checkPath('data', options.data),
    output: checkPath('output', options.output),
    ...(options.calibration !== undefined && { calibration: checkPath('calibration', options.calibration) }),
    ...(options.exportOnnx !== undefined && { exportOnnx: checkPath('exportOnnx', options.exportOnnx) }),
    pictures: options.pictures === undefined ? undefined : checkInteger('pictures', options.pictures, 1, 100_000),
    seed: checkInteger('seed', options.seed ?? 0, 0, 2 ** 32 - 1),
    force: checkBoolean('force', options.force ?? false),
    ...(options.budget !== undefined && { budget: checkBudget(options.budget) }),
  };
}

async function makeExportFolder(folder: string): Promise<void> {
  try {
    await makeFolder(resolve(folder));
  } catch (cause) {
    throw new MediaError('OUTPUT_NOT_WRITABLE', {
      message: `Cannot make the folder ${folder}: ${(cause as Error).message}`,
      hint: 'Check that the folder that it is to lie in may be written to.',
      cause,
    });
  }
}

/** One call of {@link optimizeInSteps}. */
class Optimization<C extends Calibration> {
  readonly #clock: StepClock;

  constructor(
    readonly path: string,
    readonly options: CheckedOptions,
    readonly steps: OptimizeSteps<C>,
    /** A folder of its own. */
    readonly work: string,
  ) {
    this.#clock = new StepClock(options.signal, options.onProgress);
  }

  async run(): Promise<OptimizationReport> {
    const { options, steps, path } = this;
    const { signal, labelled } = options;
    await using task = await loadTask(path, { ...options.task, device: 'cpu', signal });
    if (labelled !== undefined) {
      checkEvaluable(task);
      checkKind(taskNameOf(task), labelled);
    }
    const pictures = await steps.listPictures(options.data, signal);
    const model = await this.#clock.step('normalise', (step) => steps.normalize(path, options.precision, step));
    const source = { path, model, precision: options.precision, taskOptions: options.task ?? {} };
    const journal = options.budget && (await this.#journal(task, pictures));
    const calibration = await this.#calibrate(source, options.pictures ?? calibratedOf(pictures.length), journal);
    const calibrated = new Set(calibration.pictures.map(({ sha256 }) => sha256));
    const { quantized, search } =
      journal === undefined
        ? { quantized: await this.#convert(source, calibration, task, pictures) }
        : await this.#search({ source, calibration, task, pictures, calibrated, journal });
    const files = await this.#writeForms(source, quantized);
    // What a search took is judged by pictures that it has not seen.
    const isLeftOut = (sha256: string): boolean =>
      calibrated.has(sha256) || (search !== undefined && decides(sha256, options.seed));
    const heldBack = await heldBackPictures(pictures, isLeftOut, options.seed, signal);
    const judgedBy = labelled && (await heldBackDataset(labelled, isLeftOut, signal));
    const energy = await EnergyMeter.open();
    const judge = new FormJudge({
      task,
      taskOptions: options.task ?? {},
      files,
      pictures: heldBack,
      latencyPictures: heldBack.length > 0 ? heldBack : pictures,
      labelled: judgedBy?.size === 0 ? undefined : judgedBy,
      energy: energy instanceof EnergyMeter ? energy : undefined,
      threads: options.threads,
      folder: this.work,
      clock: this.#clock,
    });
    const judged = await judge.judge();
    const latency = judged.find(({ form }) => form === 'onnxruntime')?.latency ?? [];
    const { keepFloat, words } = quantized.keptFloat?.includes('onnxruntime')
      ? { keepFloat: true, words: undefined }
      : mayKeepFloat(search)
        ? judgeSpeed(options.precision, latency)
        : { keepFloat: false, words: undefined };
    const forms = judged.map((form): ReportedForm => ({
      ...form,
      shipped: form.form === 'float32' ? keepFloat : form.form === 'tensorrt' || !keepFloat,
    }));
    const report: OptimizationReport = {
      format: 1,
      foveate: packageVersion,
      made: new Date().toISOString(),
      task: taskNameOf(task),
      precision: options.precision,
      model: { name: basename(path), bytes: (forms[0] as ReportedForm).bytes, sha256: await sha256OfFile(path, signal) },
      machine: thisMachine(task.session.runtime, energy instanceof EnergyMeter ? undefined : energy.reason),
      calibration: {
        pictures: calibration.pictures.length,
        ...(options.calibration === undefined
          ? { seconds: this.#clock.seconds['calibrate'] }
          : { table: basename(options.calibration) }),
        seed: options.seed,
        heldBack: heldBack.length,
      },
      forms,
      layers: quantized.layers,
      ...(search !== undefined && { search }),
      decisions: [
        ...searchWords(search),
        ...(words === undefined ? [] : [words]),
        ...biasWords(quantized),
        ...floatLayers(quantized.layers),
      ],
      notices: [
        ...noticesOf(options.precision, forms, heldBack.length),
        ...searchNotices(search, forms),
        ...(judgedBy?.size === 0
          ? ['Every labelled picture was calibrated with, so that nothing is told of accuracy: give others too.']
          : []),
        ...calibration.doubts.map(({ message }) => `Forced: ${message}`),
      ],
      seconds: { ...this.#clock.seconds },
    };
    await this.#write({ source, task, calibration, report, quantized, keepFloat });
    await journal?.end();
    return report;
  }

  #convert(source: OptimizedSource, calibration: C, task: Task, pictures: readonly string[]): Promise<QuantizedForms> {
    return this.#clock.step('convert', (step) =>
      this.steps.convert(source, calibration, { ...step, task, pictures, seed: this.options.seed }),
    );
  }

  async #journal(task: Task, pictures: readonly string[]): Promise<SearchJournal> {
    const { precision, seed, labelled, calibration, threads, signal } = this.options;
    const key = {
      ...{ foveate: packageVersion, runtime: task.session.runtime, machine: [cpus()[0]?.model, availableParallelism()], threads },
      ...{ model: await sha256OfFile(this.path, signal), bytes: await modelBytes(this.path, signal), precision, seed },
      ...{ count: this.options.pictures, preprocess: task.preprocess.options, task: { ...this.options.task } },
      labelled: labelled && [labelled.format, labelled.size],
    };
    const files = [calibration, labelled?.path].filter((path) => path !== undefined);
    return await SearchJournal.open(key, [...files, ...pictures]);
  }

  async #search(
    given: Pick<FormsToFind, 'source' | 'task' | 'pictures' | 'calibrated' | 'journal'> & { readonly calibration: C },
  ) {
    const { calibration, ...found } = given;
    const { budget, labelled, seed, threads } = this.options;
    try {
      const { forms, search } = await findForms({
        ...found,
        ...{ budget: budget as Budget, labelled, seed, threads, folder: this.work, clock: this.#clock },
        writeModel: (model, path) => this.steps.writeModel(model, path),
        ladder: (step) =>
          this.steps.ladder(given.source, calibration, { ...step, task: given.task, pictures: given.pictures, seed }),
      });
      return { quantized: forms, search };
    } catch (error) {
      // Measured anew the next time: it is over.
      if (error instanceof FoveateError && error.code === 'BUDGET_NOT_MET') await found.journal.end();
      throw error;
    }
  }

  async #calibrate(source: OptimizedSource, pictures: number, journal: SearchJournal | undefined): Promise<C> {
    const { data, calibration, seed, force } = this.options;
    if (calibration !== undefined) return await this.steps.readTable(calibration);
    const table = journal && join(journal.folder, 'calibration.json');
    return await this.#clock.step('calibrate', (step) =>
      this.steps.calibrate(source, { ...step, data, pictures, seed, force, table }),
    );
  }

  /** Each form in a folder of its own, where a large one keeps its weights beside it. */
  async #writeForms(source: OptimizedSource, { onnxruntime, tensorrt, simulated }: QuantizedForms): Promise<FormFile[]> {
    const { name } = parse(source.path);
    const normalized = join(this.work, `${name}.onnx`);
    await this.steps.writeModel(source.model, normalized);
    const files: FormFile[] = [{ form: 'float32', file: source.path, timed: normalized }];
    const write = async (folder: string, model: ModelProto): Promise<string> => {
      await mkdir(join(this.work, folder));
      const file = join(this.work, folder, `${name}.onnx`);
      await this.steps.writeModel(model, file);
      return file;
    };
    files.push({ form: 'onnxruntime', file: await write('onnxruntime', onnxruntime) });
    files.push({
      form: 'tensorrt',
      file: await write('tensorrt', tensorrt),
      simulated: simulated && (await write('simulated', simulated)),
    });
    return files;
  }

  async #write({
    quantized,
    keepFloat,
    ...rest
  }: Pick<BundledOptimization<C>, 'source' | 'task' | 'calibration' | 'report'> & {
    readonly quantized: QuantizedForms;
    readonly keepFloat: boolean;
  }): Promise<void> {
    const { steps, options } = this;
    const { report, source } = rest;
    const stored = storedAs[options.precision];
    const precisionOf = (form: 'onnxruntime' | 'tensorrt'): LayerPrecision =>
      quantized.keptFloat?.includes(form) ? 'float32' : stored;
    const written = (model: ModelProto) => (path: string) => steps.writeModel(model, path);
    const contents: BundledOptimization<C> = {
      ...rest,
      forms: [
        keepFloat
          ? { form: 'onnxruntime', precision: 'float32', write: written(source.model) }
          : { form: 'onnxruntime', precision: stored, write: written(quantized.onnxruntime) },
        {
          form: 'tensorrt',
          precision: precisionOf('tensorrt'),
          write: written(quantized.tensorrt),
        },
      ],
      files: {
        'report.md': markdownReport(report),
        'report.json': `${JSON.stringify(report, null, 1)}\n`,
        'report.html': htmlReport(report),
        'forms.csv': csvOfForms(report),
        'layers.csv': csvOfLayers(report),
      },
    };
    await this.#clock.step('write', (step) => steps.writeBundle(options.output, contents, step));
    if (options.exportOnnx === undefined) return;
    for (const form of ['onnxruntime', 'tensorrt'] as const) {
      await steps.writeModel(
        quantized[form],
        join(options.exportOnnx, formFileName(parse(source.path).name, form, precisionOf(form))),
      );
    }
  }
}

/** The speed guard may put FP32 in the place of what was taken, unless that goes beyond a budget. */
function mayKeepFloat(search: ReportedSearch | undefined): boolean {
  const float = search?.forms.onnxruntime.candidates.find(({ floatMacs }) => floatMacs === 1);
  return search === undefined || (float !== undefined && shortfalls(float, search.budget).length === 0);
}

/** As a bundle calls it. */
const storedAs = { int8: 'int8', fp16: 'float16' } as const;

function checkKind(task: string, dataset: Dataset): void {
  if (task === dataset.task) return;
  throw new DatasetError('DATASET_UNSUPPORTED', {
    message: `Expected a data set to ${task}, as the model does, but that of ${dataset.path} is to ${dataset.task}`,
    hint: 'Give labelled pictures of the kind that the model finds, or leave the labels out: forms are compared without them too.',
  });
}
