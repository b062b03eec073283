import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join, parse } from 'node:path';

import { packageVersion } from '../binding/index.js';
import type { Dataset } from '../dataset/index.js';
import { formFileName, sha256OfFile } from '../engine/index.js';
import { DatasetError } from '../errors/index.js';
import { checkEvaluable } from '../evaluation/index.js';
import { modelPath } from '../graph/index.js';
import type { Pruning } from '../precision/index.js';
import { loadTask, type Task } from '../tasks/index.js';
import { EnergyMeter } from './energy.js';
import { isShipped, writeFormFiles } from './form-files.js';
import { FormJudge } from './form-judge.js';
import { biasWords, noticesOf, otherLayers, searchNotices, searchWords } from './decisions.js';
import { calibratedOf, decides, heldBackDataset, heldBackPictures, labelsHash } from './held-back.js';
import { modelSteps } from './model-steps.js';
import { generatedPictures, generatePictures } from './generated-pictures.js';
import { thisMachine } from './machine.js';
import type { OptimizationReport, ReportedForm } from './optimization-report.js';
import type { BundledForm, BundledOptimization, Calibration, OptimizedSource, OptimizeSteps } from './optimize-steps.js';
import { modelBytes } from './model-bytes.js';
import { taskNameOf } from './picture-comparison.js';
import { calibratedAsPruned, floatForms, pruneSource, reportedPruning, withPruning, type PrunedSource } from './pruned-source.js';
import { pruningNotices, pruningWords } from './pruning-words.js';
import type { QuantizedFormName, QuantizedForms } from './quantized-layer.js';
import { csvOfForms, csvOfLayers } from './report/csv-report.js';
import { htmlReport } from './report/html-report.js';
import { markdownReport } from './report/markdown-report.js';
import { shortfalls, type Budget } from './search/budget.js';
import { findForms, type FormsToFind } from './search/find-forms.js';
import { SearchJournal } from './search/journal.js';
import type { ReportedSearch } from './search/search-model.js';
import { checkedOptions, makeExportFolder, type CheckedOptions, type OptimizeOptions } from './optimize-options.js';
import { judgeSpeed } from './speed-guard.js';
import { StepClock } from './step-clock.js';

/**
 * Makes a model in INT8, FP16, BF16, FP8 or INT4, with 'auto' in the first of INT8, FP16 and FP32 that loses little enough, or a pruned one: calibrates it on some of the pictures of a folder,
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
    const onWait = (): void => void this.#clock.step('wait', () => Promise.resolve());
    const files = [options.calibration, labelled?.path, ...pictures].filter((file) => file !== undefined);
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
    const { quantized, search } =
      calibration === undefined
        ? { quantized: floatForms(start.model) }
        : journal === undefined
          ? { quantized: await this.#convert(start, calibration, task, pictures) }
          : await this.#search({ source, start, calibration, task, pictures, calibrated, journal });
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
    // Of a model that is pruned alone, that is the form for both.
    const isPrunedAlone = options.precision === 'fp32';
    const served = isPrunedAlone ? 'pruned' : 'onnxruntime';
    const isFloatAnyway =
      !options.forms.includes('onnxruntime') || (!isPrunedAlone && quantized.precision.onnxruntime === 'float32');
    const latency = judged.find(({ form }) => form === served)?.latency ?? [];
    const { keepFloat, words } = isFloatAnyway
      ? { keepFloat: true, words: undefined }
      : mayKeepFloat(search)
        ? judgeSpeed(quantized.precision.onnxruntime, latency)
        : { keepFloat: false, words: undefined };
    const forms = judged.map((form): ReportedForm => ({
      ...form,
      shipped: isShipped(form.form, options.precision, keepFloat),
    }));
    const layers = withPruning(quantized.layers, pruned);
    const pruning = pruned && reportedPruning(pruned);
    const report: OptimizationReport = {
      format: 1,
      foveate: packageVersion,
      made: new Date().toISOString(),
      task: taskNameOf(task),
      precision: options.precision,
      ...(pruning !== undefined && { pruning }),
      model: { name: basename(path), bytes: (forms[0] as ReportedForm).bytes, sha256: await sha256OfFile(path, signal) },
      machine: thisMachine(task.session.runtime, energy instanceof EnergyMeter ? undefined : energy.reason),
      calibration: {
        pictures: calibration?.pictures.length ?? 0,
        ...(options.calibration === undefined
          ? { seconds: this.#clock.seconds['calibrate'] }
          : { table: basename(options.calibration) }),
        seed: options.seed,
        ...(options.dataFree && { generated: true }),
        heldBack: heldBack.length,
      },
      forms,
      layers,
      ...(search !== undefined && { search }),
      decisions: [
        ...pruningWords({ pruning, task: taskNameOf(task), forms, layers }),
        ...searchWords(search),
        ...(words === undefined ? [] : [words]),
        ...biasWords(quantized),
        ...(options.precision === 'fp32' ? [] : otherLayers(options.precision, layers)),
      ],
      notices: [
        ...noticesOf(forms, { heldBack: heldBack.length, isGenerated: options.dataFree }),
        ...searchNotices(search, forms),
        ...pruningNotices(pruning),
        ...(judgedBy?.size === 0
          ? ['Every labelled picture was calibrated with, so that nothing is told of accuracy: give others too.']
          : []),
        ...(options.dataFree ? [] : (calibration?.doubts ?? []).map(({ message }) => `Forced: ${message}`)),
      ],
      seconds: { ...this.#clock.seconds },
    };
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

  #convert(source: OptimizedSource, calibration: C, task: Task, pictures: readonly string[]): Promise<QuantizedForms> {
    return this.#clock.step('convert', (step) =>
      this.steps.convert(source, calibration, { ...step, task, pictures, seed: this.options.seed, forms: this.options.forms }),
    );
  }

  /** All that what a search measures depends on, besides the files. */
  async #searchKey(task: Task): Promise<object> {
    const { precision, prune, seed, labelled, threads, signal } = this.options;
    return {
      ...{ foveate: packageVersion, runtime: task.session.runtime, machine: [cpus()[0]?.model, availableParallelism()], threads },
      ...{ model: await sha256OfFile(this.path, signal), bytes: await modelBytes(this.path, signal), precision, prune, seed },
      ...{ count: this.options.pictures, preprocess: task.preprocess.options, task: { ...this.options.task } },
      labels: labelled && (await labelsHash(labelled, signal)),
    };
  }

  async #search(
    given: Pick<FormsToFind, 'source' | 'task' | 'pictures' | 'calibrated' | 'journal'> & {
      readonly start: OptimizedSource;
      readonly calibration: C;
    },
  ) {
    const { start, calibration, ...found } = given;
    const { budget, labelled, seed, threads, forms: asked } = this.options;
    const { forms, search } = await findForms({
      ...found,
      ...{ budget: budget as Budget, forms: asked, labelled, seed, threads, folder: this.work, clock: this.#clock },
      writeModel: (model, path) => this.steps.writeModel(model, path),
      ladder: (step) =>
        this.steps.ladder(start, calibration, {
          ...step,
          task: given.task,
          pictures: given.pictures,
          seed,
          forms: asked,
          keep: (name, measure) => given.journal.get(name, measure),
        }),
    });
    return { quantized: forms, search };
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

  /** A form as the bundle has it; one that was not asked for is the model as it was given. */
  #bundled(form: QuantizedFormName, quantized: QuantizedForms, source: OptimizedSource): BundledForm {
    const { forms, precision, prune } = this.options;
    const isAsked = forms.includes(form);
    const isPruned = isAsked && (precision === 'fp32' || quantized.precision[form] !== 'float32');
    const model = isAsked ? quantized[form] : source.model;
    return {
      form,
      precision: quantized.precision[form],
      pruning: isPruned ? prune : undefined,
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

/** The speed guard may put FP32 in the place of what was taken, unless that goes beyond a budget. */
function mayKeepFloat(search: ReportedSearch | undefined): boolean {
  const float = search?.forms.onnxruntime?.candidates.find(({ precision }) => precision === 'float32');
  return search === undefined || (float !== undefined && shortfalls(float, search.budget).length === 0);
}

function checkKind(task: string, dataset: Dataset): void {
  if (task === dataset.task) return;
  throw new DatasetError('DATASET_UNSUPPORTED', {
    message: `Expected a data set to ${task}, as the model does, but that of ${dataset.path} is to ${dataset.task}`,
    hint: 'Give labelled pictures of the kind that the model finds, or leave the labels out: forms are compared without them too.',
  });
}
