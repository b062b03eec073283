/** What the forms of a model gain and cost, against the model as it was given. */
import { join } from 'node:path';

import type { Dataset } from '../dataset/index.js';
import { checkEvaluable, comparePredictions, evaluate, type EvaluableTask } from '../evaluation/index.js';
import type { SessionOptions } from '../session/index.js';
import { Classifier, Embedder, DensePredictor, loadTask, Segmenter, type LoadTaskOptions, type Task } from '../tasks/index.js';
import { measureAgreement } from './agreement.js';
import type { EnergyMeter } from './energy.js';
import { measureLatency, type Latency } from './latency.js';
import type { FormName, ReportedAccuracy, ReportedComparison, ReportedForm } from './optimization-report.js';
import { taskNameOf } from './picture-comparison.js';
import { modelBytes } from './model-bytes.js';
import type { StepOptions } from './optimize-steps.js';
import type { FormPrecision } from './quantized-layer.js';
import { packedBytes } from './packed-bytes.js';
import type { StepClock } from './step-clock.js';

/** A form, and where it lies. */
export interface FormFile {
  readonly form: FormName;
  readonly precision: FormPrecision;
  readonly file: string;
  /** Whether it is the model as it was given, and is told of without being measured again. */
  readonly isGiven?: boolean | undefined;
  /** What is timed in its place: the model as it would be shipped, after the passes that all forms have in common. */
  readonly timed?: string | undefined;
  /** What is compared and evaluated in its place. */
  readonly simulated?: string | undefined;
}

export type JudgedForm = Omit<ReportedForm, 'shipped'>;

interface Judged {
  /** The model as it was given. */
  readonly task: Task;
  readonly taskOptions: Omit<LoadTaskOptions, 'device' | 'threads' | 'signal'>;
  /** The model as it was given first. */
  readonly files: readonly FormFile[];
  /** Those that agreement is measured on. */
  readonly pictures: readonly string[];
  readonly latencyPictures: readonly string[];
  readonly labelled: Dataset | undefined;
  readonly energy: EnergyMeter | undefined;
  readonly threads: number | undefined;
  /** For what is kept meanwhile. */
  readonly folder: string;
  readonly clock: StepClock;
}

/** How each form is run to be judged. */
export const formSessions: Readonly<Record<FormName, { readonly options: SessionOptions; readonly words: string }>> = {
  float32: { options: {}, words: '' },
  pruned: { options: {}, words: 'ONNX Runtime, as it is served' },
  onnxruntime: { options: {}, words: 'ONNX Runtime, as it is served' },
  tensorrt: {
    options: { graphOptimization: 'disabled' },
    words: 'ONNX Runtime, graph optimisations off: what the GPU computes, simulated in float',
  },
};

export class FormJudge {
  readonly #given: Judged;

  constructor(given: Judged) {
    this.#given = given;
  }

  /** In the order of the files. Rejects as what it measures with does. */
  async judge(): Promise<JudgedForm[]> {
    const { files, clock } = this.#given;
    const latencies = await this.#latencies();
    const judged: JudgedForm[] = [];
    const [original] = files as [FormFile];
    const originalBytes = await modelBytes(original.file, clock.signal);
    const before = await this.#accuracy(original, this.#given.task, undefined);
    const isPruned = files.some(({ form }) => form === 'pruned');
    for (const file of files) {
      const { form, precision } = file;
      const bytes = await modelBytes(file.file, clock.signal);
      const common = {
        form,
        precision,
        bytes,
        sizeRatio: bytes / originalBytes,
        ...(isPruned && { packedBytes: await packedBytes(file.file, clock.signal) }),
        judged: file.isGiven === true ? '' : formSessions[form].words,
        latency: latencies.filter(({ name }) => name === form),
      };
      if (file === original) judged.push({ ...common, accuracy: before });
      else judged.push(file.isGiven === true ? common : { ...common, ...(await this.#compared(file)) });
    }
    return judged;
  }

  /** The form for TensorRT is not timed: here, it is only simulated. */
  async #latencies(): Promise<Latency[]> {
    const { clock, files, task, latencyPictures, threads, energy } = this.#given;
    // FP32 alone is compared with nothing.
    if (files.every(({ form, isGiven }) => form === 'float32' || form === 'tensorrt' || isGiven)) return [];
    const candidates = files
      .filter(({ form, isGiven }) => form !== 'tensorrt' && isGiven !== true)
      .map(({ form, file, timed }) => ({
        name: form,
        model: timed ?? file,
        sessionOptions: { ...formSessions[form].options, device: 'cpu' as const },
      }));
    return await clock.step('latency', ({ signal, onProgress }) =>
      measureLatency(candidates, {
        preprocess: task.preprocess,
        pictures: latencyPictures,
        ...(threads !== undefined && { threads: [1, threads] }),
        energy,
        signal,
        onProgress,
      }),
    );
  }

  async #compared(file: FormFile): Promise<Pick<JudgedForm, 'agreement' | 'accuracy'>> {
    const { task, pictures, clock, taskOptions } = this.#given;
    const { options } = formSessions[file.form];
    await using candidate = await loadTask(file.simulated ?? file.file, {
      ...taskOptions,
      ...likeOptions(task),
      ...options,
      device: 'cpu',
      signal: clock.signal,
    });
    const agreement =
      pictures.length === 0
        ? undefined
        : await clock.step('agreement', (step) => measureAgreement(task, candidate, pictures, step), file.form);
    return { agreement, accuracy: await this.#accuracy(file, candidate, (this.#given.files[0] as FormFile).form) };
  }

  /** By labels; `baseline` is the form whose predictions were kept before. */
  async #accuracy({ form }: FormFile, task: Task, baseline: FormName | undefined): Promise<ReportedAccuracy | undefined> {
    const { labelled, clock } = this.#given;
    if (labelled === undefined) return undefined;
    checkEvaluable(task);
    const evaluable: EvaluableTask = task;
    const predictions = this.#predictionsOf(form);
    const judge = async ({ signal, onProgress }: StepOptions): Promise<ReportedAccuracy> => {
      const { dataset, metrics, intervals } = await evaluate(evaluable, labelled, { predictions, signal, onProgress });
      const comparison =
        baseline === undefined ? [] : await comparePredictions(this.#predictionsOf(baseline), predictions, labelled, { signal });
      return {
        dataset: dataset.name,
        pictures: dataset.images,
        metrics,
        intervals,
        comparison: comparison.map(
          ({ name, baseline: before, candidate: after, difference, interval, verdict, words }): ReportedComparison => ({
            name,
            before: known(before),
            after: known(after),
            difference: known(difference),
            interval: [known(interval.low), known(interval.high)],
            verdict,
            words,
          }),
        ),
      };
    };
    return await clock.step('accuracy', judge, form);
  }

  #predictionsOf(form: FormName): string {
    return join(this.#given.folder, `${form}.ndjson`);
  }
}

/** So that a form, beside which no files lie, is opened as the model was. */
export function likeOptions(task: Task): LoadTaskOptions {
  const common = { task: taskNameOf(task), preprocess: task.preprocess };
  if (task instanceof Embedder || task instanceof DensePredictor) return common;
  const { labels } = task;
  if (task instanceof Classifier) return { ...common, labels, activation: task.activation };
  if (task instanceof Segmenter) {
    return { ...common, labels, activation: task.activation, background: task.background ?? null };
  }
  return { ...common, labels };
}

function known(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
