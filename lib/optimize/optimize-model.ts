import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, parse } from 'node:path';

import { packageVersion } from '../binding/index.js';
import type { Dataset } from '../dataset/index.js';
import { formFileName, sha256OfFile } from '../engine/index.js';
import { DatasetError } from '../errors/index.js';
import { checkEvaluable } from '../evaluation/index.js';
import { modelPath, type ModelProto } from '../graph/index.js';
import type { Pruning } from '../precision/index.js';
import { loadTask, type Task } from '../tasks/index.js';
import { EnergyMeter } from './energy.js';
import { writeFormFiles } from './form-files.js';
import { FormJudge } from './form-judge.js';
import { calibratedOf, decides, heldBackDataset, heldBackPictures, labelsHash } from './held-back.js';
import { makeReport } from './make-report.js';
import { modelSteps } from './model-steps.js';
import { generatedPictures, generatePictures } from './generated-pictures.js';
import type { OptimizationReport } from './optimization-report.js';
import type { BundledForm, BundledOptimization, Calibration, OptimizedSource, OptimizeSteps } from './optimize-steps.js';
import { modelFiles } from './model-bytes.js';
import { taskNameOf } from './picture-comparison.js';
import { calibratedAsPruned, floatForms, pruneSource, type PrunedSource } from './pruned-source.js';
import { ofForms, type QuantizedFormName, type QuantizedForms } from './quantized-layer.js';
import { csvOfForms, csvOfLayers } from './report/csv-report.js';
import { htmlReport } from './report/html-report.js';
import { markdownReport } from './report/markdown-report.js';
import { type Budget } from './search/budget.js';
import { findForms, type FormsToFind } from './search/find-forms.js';
import { SearchJournal } from './search/journal.js';
import type { ReportedSearch } from './search/search-model.js';
import { checkedOptions, makeExportFolder, type CheckedOptions, type OptimizeOptions } from './optimize-options.js';
import { StepClock } from './step-clock.js';

/**
 * Makes a model in INT8, INT8 and FP16, FP16, BF16, FP8 or INT4, with 'auto' in the first of INT8, FP16 and FP32 that loses little enough, or a pruned one: calibrates it on some of the pictures of a folder,
 * makes a form for each engine, measures on this machine what that gains and, on the pictures held back, what it costs, and writes a bundle with both forms and a report. The form for ONNX Runtime
 * stays FP32 where the other is measured slower, or CPUs have no such kernels.
 *
 * Throws INVALID_ARGUMENT, UNKNOWN_OPTION, OUTPUT_NOT_WRITABLE, DATASET_NOT_FOUND, DATASET_UNSUPPORTED where the labels are not of the model's kind, MODEL_UNSUPPORTED where the model has nothing
 * that can be in the precision or be pruned, BUDGET_NOT_MET where no form keeps to the budget, with all that was measured in `details.search`, DATASET_INVALID where too few pictures are left to
 * decide that by, ABORTED, and as `loadTask`, calibration and quantisation do. Nothing is left at `output` unless all went well.
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

/** What an optimisation begins with. */
interface Given {
  readonly task: Task;
  readonly source: OptimizedSource;
  readonly pruned: PrunedSource | undefined;
  readonly pictures: readonly string[];
}

/** What forms are made of. */
interface FormsFrom<C extends Calibration> extends Pick<FormsToFind, 'source' | 'task' | 'pictures' | 'calibrated'> {
  /** The model, or what pruning left of it. */
  readonly start: OptimizedSource;
  readonly calibration: C;
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
    const model = await this.#clock.step('normalise', (step) => steps.normalize(path, options.precision, step));
    const pictures = await this.#pictures();
    const source = { path, model, precision: options.precision, taskOptions: options.task ?? {} };
    const pruned = options.prune && (await this.#prune(source, task, options.prune));
    const given = { task, source, pruned, pictures };
    if (options.budget === undefined) return await this.#optimize(given, undefined);
    const onWait = (): void => this.#clock.tell('wait');
    const weights = [...(await modelFiles(path, signal)).keys()];
    const files = [options.calibration, labelled?.path, ...weights, ...pictures].filter((file) => file !== undefined);
    return await SearchJournal.during(await this.#searchKey(task), files, { signal, onWait }, (journal) =>
      this.#optimize(given, journal),
    );
  }

  async #optimize({ task, source, pruned, pictures }: Given, journal: SearchJournal | undefined): Promise<OptimizationReport> {
    const { options, steps, path } = this;
    const { signal, labelled } = options;
    // What is calibrated and converted; all is compared with the model as it was given.
    const start = pruned ?? source;
    const calibration =
      options.precision === 'fp32'
        ? undefined
        : await calibratedAsPruned(options.prune, this.#calibrate(start, pictures, journal));
    const calibrated = new Set(calibration?.pictures.map(({ sha256 }) => sha256));
    const { converted, search } = await this.#converted({ source, start, calibration, task, pictures, calibrated }, journal);
    const quantized = asGiven(converted, source, options);
    const files = await writeFormFiles({ source, pruned, quantized, forms: options.forms, folder: this.work }, steps.writeModel);
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
    const { report, keepFloat } = makeReport({
      ...{ path, task, options, calibration, pruned, quantized, search, judged },
      sha256: await sha256OfFile(path, signal),
      heldBack: heldBack.length,
      labelled: judgedBy?.size,
      noEnergy: energy instanceof EnergyMeter ? undefined : energy.reason,
      seconds: this.#clock.seconds,
    });
    await this.#write({ source, task, calibration, report, quantized, keepFloat });
    return report;
  }

  async #pictures(): Promise<readonly string[]> {
    const { data, dataFree, pictures = generatedPictures, seed, signal } = this.options;
    if (!dataFree) return await this.steps.listPictures(data as string, signal);
    return await this.#clock.step('generate', (step) => generatePictures(join(this.work, 'generated'), pictures, seed, step));
  }

  #prune(source: OptimizedSource, task: Task, prune: Pruning): Promise<PrunedSource> {
    const { writeModel } = this.steps;
    return this.#clock.step('prune', (step) => pruneSource(source, prune, { ...step, task, folder: this.work, writeModel }));
  }

  async #converted(
    given: Omit<FormsFrom<C>, 'calibration'> & { readonly calibration: C | undefined },
    journal: SearchJournal | undefined,
  ): Promise<{ converted: QuantizedForms; search?: ReportedSearch }> {
    const { start, calibration, task, pictures } = given;
    const { seed, forms } = this.options;
    if (calibration === undefined) return { converted: floatForms(start.model) };
    if (journal !== undefined) return await this.#search({ ...given, calibration }, journal);
    const converted = await this.#clock.step('convert', (step) =>
      this.steps.convert(start, calibration, { ...step, task, pictures, seed, forms }),
    );
    return { converted };
  }

  /** All that what a search measures depends on, besides the files. */
  async #searchKey(task: Task): Promise<object> {
    const { precision, prune, seed, labelled, threads, signal } = this.options;
    return {
      // Raised when forms of the same name become others.
      ...{
        format: 2,
        foveate: packageVersion,
        runtime: task.session.runtime,
        machine: [cpus()[0]?.model, availableParallelism()],
        threads,
      },
      ...{ model: await sha256OfFile(this.path, signal), precision, prune, seed },
      ...{ count: this.options.pictures, preprocess: task.preprocess.options, task: { ...this.options.task } },
      labels: labelled && (await labelsHash(labelled, signal)),
    };
  }

  async #search(
    { start, calibration, ...found }: FormsFrom<C>,
    journal: SearchJournal,
  ): Promise<{ converted: QuantizedForms; search: ReportedSearch }> {
    const { budget, labelled, seed, threads, forms: asked } = this.options;
    const { task, pictures } = found;
    const { forms, search } = await findForms({
      ...found,
      ...{ journal, budget: budget as Budget, forms: asked, labelled, seed, threads, folder: this.work, clock: this.#clock },
      writeModel: (model, path) => this.steps.writeModel(model, path),
      ladder: (step) =>
        this.steps.ladder(start, calibration, {
          ...{ ...step, task, pictures, seed, forms: asked },
          keep: (name, measure) => journal.get(name, measure),
        }),
    });
    return { converted: forms, search };
  }

  async #calibrate(source: OptimizedSource, all: readonly string[], journal: SearchJournal | undefined): Promise<C> {
    const { calibration, seed, force, dataFree } = this.options;
    const data = dataFree ? join(this.work, 'generated') : (this.options.data as string);
    const pictures = dataFree ? all.length : (this.options.pictures ?? calibratedOf(all.length));
    if (calibration !== undefined) return await this.steps.readTable(calibration);
    const table = journal?.folder && join(journal.folder, 'calibration.json');
    return await this.#clock.step('calibrate', (step) =>
      this.steps.calibrate(source, { ...step, data, pictures, seed, force: force || dataFree, table }),
    );
  }

  /** A form as the bundle has it. */
  #bundled(form: QuantizedFormName, quantized: QuantizedForms, source: OptimizedSource): BundledForm {
    const model = quantized[form];
    return {
      form,
      precision: quantized.precision[form],
      pruning: model === source.model ? undefined : this.options.prune,
      write: (path) => this.steps.writeModel(model, path),
    };
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
    const contents: BundledOptimization<C> = {
      ...rest,
      forms: [
        keepFloat
          ? { form: 'onnxruntime', precision: 'float32', write: (path) => steps.writeModel(source.model, path) }
          : this.#bundled('onnxruntime', quantized, source),
        this.#bundled('tensorrt', quantized, source),
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
    for (const form of options.forms) {
      await steps.writeModel(
        quantized[form],
        join(options.exportOnnx, formFileName(parse(source.path).name, form, quantized.precision[form])),
      );
    }
  }
}

/** A form that is FP32 where something else was asked for, or that was not asked for, is the model as it was given, and not a pruned one. */
function asGiven(
  converted: QuantizedForms,
  source: OptimizedSource,
  { precision, forms }: Pick<CheckedOptions, 'precision' | 'forms'>,
): QuantizedForms {
  const modelOf = (form: QuantizedFormName): ModelProto => {
    const isMade = forms.includes(form) && (precision === 'fp32' || converted.precision[form] !== 'float32');
    return isMade ? converted[form] : source.model;
  };
  return { ...converted, ...ofForms(modelOf) };
}

function checkKind(task: string, dataset: Dataset): void {
  if (task === dataset.task) return;
  throw new DatasetError('DATASET_UNSUPPORTED', {
    message: `Expected a data set to ${task}, as the model does, but that of ${dataset.path} is to ${dataset.task}`,
    hint: 'Give labelled pictures of the kind that the model finds, or leave the labels out: forms are compared without them too.',
  });
}
