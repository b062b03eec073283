import { join } from 'node:path';

import type { Dataset } from '../../dataset/index.js';
import { DatasetError } from '../../errors/index.js';
import { checkEvaluable, comparePredictions, evaluate } from '../../evaluation/index.js';
import { loadTask, type LoadTaskOptions, type Task, type TaskName } from '../../tasks/index.js';
import { measureAgreement, type Agreement } from '../agreement.js';
import { formSessions, likeOptions } from '../form-judge.js';
import { measureLatency } from '../latency.js';
import { modelBytes } from '../model-bytes.js';
import { taskNameOf } from '../picture-comparison.js';
import type { QuantizedFormName } from '../quantized-layer.js';
import type { StepClock } from '../step-clock.js';
import type { Candidate } from './budget.js';

export interface JudgedBy {
  /** The model as it was given, and its file after the passes that all forms have in common. */
  readonly task: Task;
  readonly taskOptions: Omit<LoadTaskOptions, 'device' | 'threads' | 'signal'>;
  readonly source: string;
  readonly normalized: string;
  /** Those that decide. */
  readonly pictures: readonly string[];
  /** By which drops are told where it is there. */
  readonly labelled: Dataset | undefined;
  readonly threads: number;
  /** For predictions. */
  readonly folder: string;
  readonly clock: StepClock;
}

type Drop = Pick<Candidate, 'drop' | 'dropInterval' | 'pictures'>;

/** Fewer tell next to nothing. */
export const fewestPictures = 8;

/** Rounds of the latency of a candidate: the form that is taken is measured with more. */
const rounds = 3;

/** What tells how much of FP32 is left: the number of `measureAgreement`, 1 where all is, but for dense maps, where it is 0. */
export const decidingMetrics: Readonly<Record<TaskName, readonly string[]>> = {
  classify: ['top-1'],
  // A score that crosses one threshold by little is no loss.
  detect: ['hysteresis recall', 'hysteresis precision'],
  segment: ['mean IoU'],
  embed: ['median cosine'],
  dense: ['relative error'],
};
export const decidingByLabels: Readonly<Partial<Record<TaskName, string>>> = { classify: 'top1', detect: 'AP', segment: 'mIoU' };

/** Measures forms of a model while one is looked for. */
export class CandidateJudge {
  readonly #by: JudgedBy;
  #before: Promise<string> | undefined;

  constructor(by: JudgedBy) {
    this.#by = by;
  }

  /** What drops are told of, for people. */
  get metric(): string {
    const task = taskNameOf(this.#by.task);
    return this.#by.labelled === undefined ? decidingMetrics[task].join(' and ') : (decidingByLabels[task] as string);
  }

  get byLabels(): boolean {
    return this.#by.labelled !== undefined;
  }

  /** FP32 itself, which loses nothing. */
  async float(form: QuantizedFormName, rung: number): Promise<Candidate> {
    const { source, normalized, clock } = this.#by;
    const latencyMs = form === 'onnxruntime' ? await this.#latency(normalized) : null;
    const bytes = await modelBytes(source, clock.signal);
    return { rung, precision: 'float32', floatMacs: 1, bytes, latencyMs, drop: 0, dropInterval: [0, 0] };
  }

  /** `simulated` is judged in place of `file`, where there is one. */
  async form(
    form: QuantizedFormName,
    {
      file,
      simulated,
      ...place
    }: Pick<Candidate, 'rung' | 'precision' | 'floatMacs'> & { readonly file: string; readonly simulated?: string | undefined },
  ): Promise<Candidate> {
    const { clock, task, taskOptions } = this.#by;
    const bytes = await modelBytes(file, clock.signal);
    const latencyMs = form === 'onnxruntime' ? await this.#latency(file) : null;
    await using candidate = await loadTask(simulated ?? file, {
      ...taskOptions,
      ...likeOptions(task),
      ...formSessions[form].options,
      device: 'cpu',
      signal: clock.signal,
    });
    return { ...place, bytes, latencyMs, ...(await this.#drop(candidate, `${form}-${place.rung}`)) };
  }

  async #latency(file: string): Promise<number> {
    const { clock, normalized, task, pictures, threads } = this.#by;
    const models = [...new Set([normalized, file])].map((model) => ({
      name: model,
      model,
      sessionOptions: { ...formSessions.onnxruntime.options, device: 'cpu' as const },
    }));
    const found = await measureLatency(models, {
      preprocess: task.preprocess,
      pictures,
      threads: [threads],
      rounds,
      signal: clock.signal,
    });
    return 1000 / found.at(-1)!.throughput;
  }

  async #drop(candidate: Task, name: string): Promise<Drop> {
    const { task, pictures, labelled, clock } = this.#by;
    if (labelled === undefined) return dropOf(await measureAgreement(task, candidate, pictures, { signal: clock.signal }));
    checkEvaluable(candidate);
    const before = await (this.#before ??= this.#predictionsBefore(labelled));
    const after = join(this.#by.folder, `${name}.ndjson`);
    await evaluate(candidate, labelled, { predictions: after, signal: clock.signal });
    const metric = this.metric;
    const compared = (await comparePredictions(before, after, labelled, { signal: clock.signal })).find(
      (one) => one.name === metric,
    );
    if (compared === undefined || !(compared.baseline > 0)) {
      throw new DatasetError('DATASET_INVALID', {
        message: `Expected labelled pictures by which FP32 reaches something, but its ${metric} on those that decide is ${compared?.baseline ?? 'not known'}`,
        hint: 'Give more labelled pictures, or leave the labels out: drops are then told of agreement with FP32.',
      });
    }
    const { baseline, difference, interval } = compared;
    return { drop: -difference / baseline, dropInterval: [-interval.high / baseline, -interval.low / baseline] };
  }

  async #predictionsBefore(labelled: Dataset): Promise<string> {
    const { task, folder, clock } = this.#by;
    checkEvaluable(task);
    const predictions = join(folder, 'before.ndjson');
    await evaluate(task, labelled, { predictions, signal: clock.signal });
    return predictions;
  }
}

/** Whether FP32 finds anything in the pictures, so that something can be lost. */
export function findsAnything({ task, metrics }: Pick<Agreement, 'task' | 'metrics'>): boolean {
  return decidingMetrics[task].some((name) => (metrics.find((one) => one.name === name)?.value ?? null) !== null);
}

/** The larger of the drops of what decides. Throws DATASET_INVALID where too few pictures can be read, or FP32 finds nothing in any. */
export function dropOf({ task, metrics, pictures, failures }: Agreement): Drop {
  if (pictures < fewestPictures) {
    throw new DatasetError('DATASET_INVALID', {
      message: `Expected at least ${fewestPictures} pictures to decide by but only ${pictures} of ${pictures + failures.length} can be read`,
      hint: 'Give more pictures that can be read.',
    });
  }
  if (!findsAnything({ task, metrics })) {
    throw new DatasetError('DATASET_INVALID', {
      message: 'Expected pictures in which FP32 finds something, to decide by, but it finds nothing in any',
      hint: 'Give pictures as the model is to meet them.',
    });
  }
  const drops = decidingMetrics[task].map((name): Drop => {
    const metric = metrics.find((one) => one.name === name);
    // Of no boxes and no masks, nothing is lost.
    if (metric?.value === null || metric === undefined) return { drop: 0, dropInterval: [0, 0] };
    const [low, high] = metric.interval ?? [metric.value, metric.value];
    return task === 'dense'
      ? { drop: metric.value, dropInterval: [low, high] }
      : { drop: 1 - metric.value, dropInterval: [1 - high, 1 - low] };
  });
  return { ...drops.reduce((worst, one) => (one.dropInterval[1] > worst.dropInterval[1] ? one : worst)), pictures };
}
