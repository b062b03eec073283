import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';

import { CalibrationError } from '../../errors/index.js';
import type { ModelProto } from '../../graph/index.js';
import { engineNames, type FormPrecision, type QuantizedFormName, type QuantizedForms } from '../quantized-layer.js';
import { candidateTitle, shortfalls, type Budget, type Candidate, type Shortfall } from './budget.js';
import type { CandidateJudge } from './candidate-judge.js';
import type { SearchJournal } from './journal.js';
import type { Ladder, LadderRung } from './ladder.js';
import { searchForm, type FormSearch } from './search-form.js';

/** What a search looked at, and what it took: plain data. */
export interface ReportedSearch {
  readonly budget: Budget;
  /** What drops are of. */
  readonly metric: string;
  /** Whether that is told by labels, or is agreement with FP32. */
  readonly byLabels: boolean;
  /** By which forms were told apart; what was taken is judged by others. */
  readonly pictures: number;
  /** Of those that were asked for. */
  readonly forms: Readonly<Partial<Record<QuantizedFormName, FormSearch>>>;
}

export interface SearchOptions {
  /** Those that are asked for. */
  readonly forms: readonly QuantizedFormName[];
  /** The model as all forms begin with it. */
  readonly model: ModelProto;
  readonly ladder: Ladder;
  readonly budget: Budget;
  readonly judge: CandidateJudge;
  readonly journal: SearchJournal;
  readonly pictures: number;
  /** Writes a model of that name into a folder of its own, and gives its path. */
  readonly write: (name: string, model: ModelProto) => Promise<string>;
  readonly onProgress?: ((measured: number, total: number) => void) | undefined;
}

/** As `floatLimits` has it. */
const usualMacs = 0.2;

/**
 * The forms that keep to a budget with the least in float. Limits of time are those of ONNX Runtime's form, as no other is timed. Rejects with BUDGET_NOT_MET where
 * a form cannot keep to it, with all that was measured in `details.search`.
 */
export async function searchForms(options: SearchOptions): Promise<{ forms: QuantizedForms; search: ReportedSearch }> {
  const { model, ladder, budget, judge, pictures, forms } = options;
  let measured = 0;
  // The ends, and halving between them.
  const total = forms.reduce((sum, form) => sum + 2 + Math.ceil(Math.log2(ladder.rungs[form].length)), 0);
  const found: Partial<Record<QuantizedFormName, FormSearch>> = {};
  for (const form of forms) {
    const look = async (rung: number): Promise<Candidate> => {
      const candidate = await options.journal.get(`${form} ${rung}`, () => measure(form, rung, options));
      options.onProgress?.(++measured, Math.max(total, measured));
      return candidate;
    };
    const goals = goalsOf(form, budget, ladder);
    found[form] = isEmpty(goals)
      ? await usual(ladder.rungs[form], look)
      : await searchForm(ladder.rungs[form].length + 1, goals, look);
  }
  const read = Object.values(found).flatMap(({ candidates }) => candidates.flatMap((one) => one.pictures ?? []));
  const search: ReportedSearch = {
    ...{ budget, metric: judge.metric, byLabels: judge.byLabels, forms: found },
    pictures: Math.min(pictures, ...read),
  };
  const missed = forms.filter((form) => found[form]!.chosen === undefined);
  if (missed.length > 0) throw notMet(missed, search, ladder);
  // What was not asked for has no rung below FP32.
  const rungOf = (form: QuantizedFormName): number => found[form]?.chosen?.rung ?? 0;
  const isFloat = (form: QuantizedFormName): boolean => rungOf(form) === ladder.rungs[form].length;
  const made = async (form: QuantizedFormName): Promise<Awaited<ReturnType<Ladder['make']>>> =>
    isFloat(form) ? { model } : ladder.make(form, rungOf(form));
  const [onnxruntime, tensorrt] = [await made('onnxruntime'), await made('tensorrt')];
  const highest = (form: QuantizedFormName): number => Math.max(0, Math.min(rungOf(form), ladder.rungs[form].length - 1));
  const layers = await ladder.layers({ onnxruntime: highest('onnxruntime'), tensorrt: highest('tensorrt') });
  const precisionOf = (form: QuantizedFormName): FormPrecision => found[form]?.chosen?.precision ?? 'float32';
  const float = forms.filter(isFloat);
  // Where there was a choice: else the ladder says why.
  const chosenFloat = float.filter((form) => ladder.rungs[form].length > 0);
  return {
    forms: {
      onnxruntime: onnxruntime.model,
      tensorrt: tensorrt.model,
      simulated: tensorrt.simulated,
      precision: { onnxruntime: precisionOf('onnxruntime'), tensorrt: precisionOf('tensorrt') },
      corrections: ladder.corrections,
      layers: layers.map((layer) => ({
        ...layer,
        precision: { ...layer.precision, ...Object.fromEntries(float.map((form) => [form, 'float32'])) },
        reasons: { ...layer.reasons, ...Object.fromEntries(chosenFloat.map((form) => [form, 'FP32 was taken for the budget'])) },
      })),
    },
    search,
  };
}

/** Of a form to which no limit applies: as much in float as is left without one. */
async function usual(rungs: readonly LadderRung[], look: (rung: number) => Promise<Candidate>): Promise<FormSearch> {
  const chosen = await look(
    Math.max(
      0,
      rungs.findLastIndex(({ macs }) => macs <= usualMacs),
    ),
  );
  return { candidates: [chosen], chosen };
}

function isEmpty(budget: Budget): boolean {
  return Object.values(budget).every((limit) => limit === undefined);
}

/** What that form has to keep to. An engine that takes FP32 alone has it at whatever size. */
function goalsOf(form: QuantizedFormName, { maxDrop, latencyMs, bytes }: Budget, { rungs }: Ladder): Budget {
  return {
    maxDrop,
    bytes: rungs[form].length > 0 ? bytes : undefined,
    latencyMs: form === 'onnxruntime' ? latencyMs : undefined,
  };
}

async function measure(form: QuantizedFormName, rung: number, { ladder, judge, write }: SearchOptions): Promise<Candidate> {
  const place = ladder.rungs[form][rung];
  if (place === undefined) return await judge.float(form, rung);
  const { model, simulated } = await ladder.make(form, rung);
  const name = `${form}-${rung}`;
  const written = [await write(name, model)];
  if (simulated !== undefined) written.push(await write(`${name}-simulated`, simulated));
  const [file, instead] = written as [string, string?];
  const candidate = await judge.form(form, {
    ...{ rung, precision: place.precision, floatMacs: place.macs },
    ...{ file, simulated: instead },
  });
  for (const one of written) await rm(dirname(one), { recursive: true });
  return candidate;
}

function notMet(forms: readonly QuantizedFormName[], search: ReportedSearch, ladder: Ladder): CalibrationError {
  const told = forms.map((form) => {
    const { nearest } = search.forms[form] as { nearest: Candidate };
    const misses = shortfalls(nearest, goalsOf(form, search.budget, ladder)).map((miss) => shortfallText(miss));
    return `No form for ${engineNames[form]} keeps to the budget. Nearest is ${candidateTitle(nearest)}: ${misses.join(', ')}`;
  });
  return new CalibrationError('BUDGET_NOT_MET', {
    message: told.join('. '),
    hint: 'Allow more, or give more pictures, where a drop is told too uncertainly.',
    details: { search },
  });
}

/** `drop up to 1.8 % instead of 1 %` */
export function shortfallText({ goal, limit, found }: Shortfall): string {
  if (goal === 'maxDrop') return `a drop of up to ${percent(found)} instead of ${percent(limit)}`;
  if (goal === 'bytes') return `${(found / 1e6).toFixed(2)} MB instead of ${(limit / 1e6).toFixed(2)} MB`;
  return `${milliseconds(found)} instead of ${milliseconds(limit)}`;
}

function milliseconds(ms: number): string {
  return `${Number(ms.toPrecision(3))} ms`;
}

function percent(part: number): string {
  return `${Number((100 * part).toFixed(2))} %`;
}
