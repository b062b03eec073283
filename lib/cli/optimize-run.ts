import type { Dataset, DatasetFormat } from '../dataset/index.js';
import { invalidArgument } from '../errors/index.js';
import {
  optimizeInSteps,
  tableReport,
  type Calibration,
  type FormName,
  type OptimizeDevice,
  type OptimizePhase,
  type OptimizeProgress,
  type OptimizeSteps,
  type Precision,
} from '../optimize/index.js';
import type { Pruning } from '../precision/index.js';
import { printable } from '../text/index.js';
import { budgetOf, budgetOptionNames, type BudgetOptionValues } from './budget-options.js';
import type { Invocation } from './invocation.js';
import { openLabelled } from './open-labelled.js';
import { startProgress, type Progress } from './progress.js';
import { loadTaskOptions, type TaskOptionValues } from './task-options.js';

export interface OptimizeOptionValues extends Omit<TaskOptionValues, 'labels' | 'threads' | 'device'>, BudgetOptionValues {
  readonly data?: string;
  readonly dataFree?: boolean;
  readonly device?: OptimizeDevice;
  readonly precision?: Precision;
  readonly prune?: Pruning;
  readonly output: string;
  /** A labelled data set, and how it is opened. */
  readonly labels?: string;
  readonly format?: DatasetFormat;
  readonly split?: string;
  readonly images?: string;
  readonly classNames?: string;
  readonly calibration?: string;
  readonly exportOnnx?: string;
  readonly pictures?: number;
  readonly seed?: number;
  readonly force?: boolean;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What is counted in each phase, and what is said as it begins. */
const phaseWords: Readonly<Record<OptimizePhase, { readonly words: string; readonly noun: string }>> = {
  normalise: { words: 'Reading the model', noun: 'passes' },
  generate: { words: 'Generating pictures', noun: 'pictures' },
  prune: { words: 'Pruning', noun: 'layers' },
  wait: { words: 'Waiting for another search of the same', noun: '' },
  calibrate: { words: 'Calibrating', noun: 'pictures' },
  convert: { words: 'Converting', noun: 'steps' },
  search: { words: 'Looking for the form that keeps to the budget', noun: 'forms' },
  latency: { words: 'Measuring latency', noun: 'turns' },
  agreement: { words: 'Comparing with FP32', noun: 'pictures' },
  accuracy: { words: 'Evaluating by labels', noun: 'pictures' },
  write: { words: 'Writing', noun: 'files' },
};

const formWords: Readonly<Record<FormName, string>> = {
  float32: 'the model as it is',
  pruned: 'the pruned model',
  onnxruntime: 'the form for ONNX Runtime',
  tensorrt: 'the form for TensorRT',
};

/** Does what `foveate optimize` was called for. Loaded when it is. */
export async function run<C extends Calibration>(
  model: string,
  options: OptimizeOptionValues,
  invocation: Invocation,
  steps: OptimizeSteps<C>,
): Promise<void> {
  if (options.data === undefined && options.dataFree !== true) {
    throw invalidArgument(
      '--data',
      'pictures as the model will meet them',
      undefined,
      'Give a folder of them, or --data-free where there are none.',
    );
  }
  const { data, dataFree, precision, prune, output, calibration, exportOnnx, pictures, seed, force, threads } = options;
  const { signal } = invocation;
  const labelled = await openData(options, signal);
  const phases = new Phases(invocation, options.quiet !== true);
  const report = await (async () => {
    try {
      return await optimizeInSteps(
        model,
        {
          ...{
            data,
            dataFree,
            precision,
            prune,
            output,
            labelled,
            calibration,
            exportOnnx,
            pictures,
            seed,
            force,
            device: options.device,
            budget: budgetOf(options),
            threads,
          },
          task: taskOptionsOf(options),
          signal,
          onProgress: (progress) => phases.show(progress),
        },
        steps,
      );
    } finally {
      phases.end();
    }
  })();
  if (options.quiet !== true) for (const { message } of labelled?.notices ?? []) invocation.tell(`note: ${printable(message)}`);
  if (report.forms.some(({ agreement }) => (agreement?.failures.length ?? 0) > 0)) invocation.exitCode = 4;
  if (invocation.document !== undefined) return invocation.document.whole(report);
  invocation.out(`${tableReport(report).join('\n')}\n`);
  if (options.quiet !== true) invocation.tell(`Written to ${printable(output)}`);
}

/** Shows one phase after the other: what it is, and a bar with the time that is left where it counts. */
class Phases {
  readonly #invocation: Invocation;
  readonly #wanted: boolean;
  #progress: Progress | undefined;

  constructor(invocation: Invocation, wanted: boolean) {
    this.#invocation = invocation;
    this.#wanted = wanted;
  }

  show({ phase, form, done, total }: OptimizeProgress): void {
    const { words, noun } = phaseWords[phase];
    if (total === 0) {
      this.end();
      if (this.#wanted) this.#invocation.tell(form === undefined ? words : `${words}: ${formWords[form]}`);
      return;
    }
    this.#progress ??= startProgress(total, noun, this.#wanted);
    this.#progress.advance(done, total);
  }

  end(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }
}

async function openData(
  { labels, format, split, images, classNames }: OptimizeOptionValues,
  signal: AbortSignal,
): Promise<Dataset | undefined> {
  if (labels !== undefined) return await openLabelled(labels, { format, split, images, signal }, classNames);
  for (const [flag, value] of Object.entries({ '--format': format, '--split': split, '--images': images })) {
    if (value === undefined) continue;
    throw invalidArgument(flag, 'a data set in --labels that it is of', value, `Leave ${flag} out, or give --labels.`);
  }
  return undefined;
}

/** What is left for the task. */
function taskOptionsOf(options: OptimizeOptionValues): ReturnType<typeof loadTaskOptions> {
  const own = [
    'data',
    'dataFree',
    'precision',
    'prune',
    'output',
    'labels',
    'format',
    'split',
    'images',
    'classNames',
    'calibration',
    'exportOnnx',
    'device',
  ];
  const numbers = ['pictures', 'seed', 'force', 'threads', 'json', 'quiet'];
  const left = Object.entries(options).filter(([name]) => ![...own, ...numbers, ...budgetOptionNames].includes(name));
  const { classNames: labels } = options;
  return loadTaskOptions({ ...(Object.fromEntries(left) as TaskOptionValues), ...(labels !== undefined && { labels }) });
}
