import { basename } from 'node:path';

import { packageVersion } from '../binding/index.js';
import type { Task } from '../tasks/index.js';
import { correctionWords, noticesOf, otherLayers, searchNotices, searchWords } from './decisions.js';
import { isShipped } from './form-files.js';
import type { JudgedForm } from './form-judge.js';
import { thisMachine } from './machine.js';
import type { OptimizationReport, ReportedForm } from './optimization-report.js';
import type { CheckedOptions } from './optimize-options.js';
import type { Calibration } from './optimize-steps.js';
import { taskNameOf } from './picture-comparison.js';
import { reportedPruning, withPruning, type PrunedSource } from './pruned-source.js';
import { pruningNotices, pruningWords } from './pruning-words.js';
import { precisionTitles, type QuantizedForms } from './quantized-layer.js';
import { shortfalls } from './search/budget.js';
import type { ReportedSearch } from './search/search-model.js';
import { judgeSpeed, timesOf, type SpeedVerdict } from './speed-guard.js';

/** All that was done and measured. */
export interface ReportedRun {
  /** Of the model as it was given. */
  readonly path: string;
  readonly sha256: string;
  readonly task: Task;
  readonly options: CheckedOptions;
  /** Absent where nothing was calibrated. */
  readonly calibration: Calibration | undefined;
  readonly pruned: PrunedSource | undefined;
  readonly quantized: QuantizedForms;
  readonly search: ReportedSearch | undefined;
  readonly judged: readonly JudgedForm[];
  /** How many pictures were held back, and how many labelled ones were left; undefined without labels. */
  readonly heldBack: number;
  readonly labelled: number | undefined;
  /** Why joules could not be read; undefined where they could. */
  readonly noEnergy: string | undefined;
  /** Of each step. */
  readonly seconds: Readonly<Record<string, number>>;
}

/** Puts together what is told of an optimisation, and decides by it whether ONNX Runtime gets the model as it was given (`keepFloat`). */
export function makeReport(run: ReportedRun): { report: OptimizationReport; keepFloat: boolean } {
  const { path, sha256, task, options, calibration, pruned, quantized, search, judged, heldBack, labelled } = run;
  const { keepFloat, words } = speedVerdict(run);
  const forms = judged.map((form): ReportedForm => ({ ...form, shipped: isShipped(form, options, keepFloat) }));
  // Some may not be read.
  const read = Math.min(heldBack, ...judged.flatMap(({ agreement }) => agreement?.pictures ?? []));
  const layers = withPruning(quantized.layers, pruned);
  const pruning = pruned && reportedPruning(pruned);
  const hasPruned =
    pruning !== undefined && forms.some((form) => form.shipped && (form.form === 'pruned' || form.precision !== 'float32'));
  const report: OptimizationReport = {
    format: 1,
    foveate: packageVersion,
    made: new Date().toISOString(),
    task: taskNameOf(task),
    precision: options.precision,
    ...(pruning !== undefined && { pruning }),
    model: { name: basename(path), bytes: (forms[0] as ReportedForm).bytes, sha256 },
    machine: thisMachine(task.session.runtime, run.noEnergy),
    calibration: {
      pictures: calibration?.pictures.length ?? 0,
      ...(options.calibration === undefined ? { seconds: run.seconds['calibrate'] } : { table: basename(options.calibration) }),
      seed: options.seed,
      ...(options.dataFree && { generated: true }),
      heldBack: read,
    },
    forms,
    layers,
    ...(search !== undefined && { search }),
    decisions: [
      ...pruningWords({ pruning, task: taskNameOf(task), forms, layers }),
      ...searchWords(search),
      ...(pruning === undefined || hasPruned
        ? []
        : ['Nothing in the bundle is pruned: all forms are the model as it was given.']),
      ...(words === undefined ? [] : [words]),
      ...correctionWords(quantized, { isSearched: search !== undefined, isGenerated: options.dataFree }),
      ...(options.precision === 'fp32' ? [] : otherLayers(quantized.precision, layers)),
    ],
    notices: [
      ...noticesOf(forms, { heldBack: read, isGenerated: options.dataFree, isLabelled: labelled !== undefined && labelled > 0 }),
      ...searchNotices(search, forms),
      ...(hasPruned ? pruningNotices(pruning) : []),
      ...(labelled === 0
        ? ['Every labelled picture was calibrated with, so that nothing is told of accuracy: give others too.']
        : []),
      ...(options.dataFree ? [] : (calibration?.doubts ?? []).map(({ message }) => `Forced: ${message}`)),
    ],
    seconds: { ...run.seconds },
  };
  return { report, keepFloat };
}

/** Whether ONNX Runtime gets the model as it was given: also where nothing else was asked for or made. */
function speedVerdict({ options, quantized, judged, search }: ReportedRun): SpeedVerdict {
  // Of a model that is pruned alone, that is the form for both.
  const isPrunedAlone = options.precision === 'fp32';
  const precision = quantized.precision.onnxruntime;
  const isGiven = !options.forms.includes('onnxruntime') || (!isPrunedAlone && precision === 'float32');
  if (isGiven) return { keepFloat: true, words: undefined };
  const served = judged.find(({ form }) => form === (isPrunedAlone ? 'pruned' : 'onnxruntime'));
  const verdict = judgeSpeed(precision, served?.latency ?? []);
  if (!verdict.keepFloat || mayKeepFloat(search)) return verdict;
  const words = `${precisionTitles[precision]} for ONNX Runtime is kept, though it is slower here (${timesOf(served!.latency)}): FP32 goes beyond the budget.`;
  return { keepFloat: false, words };
}

/** The speed guard may put FP32 in the place of what was taken, unless that goes beyond a budget. */
function mayKeepFloat(search: ReportedSearch | undefined): boolean {
  const float = search?.forms.onnxruntime?.candidates.find(({ precision }) => precision === 'float32');
  return search === undefined || (float !== undefined && shortfalls(float, search.budget).length === 0);
}
