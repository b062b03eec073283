/** Whether a model has become faster or slower between two reports, cell by cell. */
import { readFile } from 'node:fs/promises';

import { ArgumentError, checkPath, invalidArgument } from '../errors/index.js';
import { holm, mannWhitney, percentileInterval } from '../metrics/index.js';
import { Random } from '../metrics/random.js';
import { benchSchema, isSamePlace, type BenchCell, type BenchReport } from './bench-report.js';
import { median } from './percentiles.js';
import type { CellPlace } from './workload.js';

/** How a cell's throughput has changed. */
export interface CellComparison extends CellPlace {
  readonly before: number;
  readonly after: number;
  /** `after` over `before`. */
  readonly ratio: number;
  /** The middle 95 % of that ratio, where the windows of both are drawn anew. */
  readonly interval: readonly [low: number, high: number];
  /** Of the windows' throughputs, by the exact test of Mann and Whitney. */
  readonly pValue: number;
  /** The same, for as many cells as are compared, by Holm. */
  readonly adjustedPValue: number;
  /** A difference where the adjusted p-value is below 0.05, the interval leaves out 1, and it is more than 2 %. */
  readonly verdict: 'faster' | 'slower' | 'same';
}

export interface BenchComparison {
  /** When the earlier report was made, and by which version. */
  readonly before: { readonly made: string; readonly foveate: string };
  readonly cells: readonly CellComparison[];
  /** Cells that one report alone has. */
  readonly unmatched: readonly CellPlace[];
  /** What else is not the same, such as the machine. */
  readonly notes: readonly string[];
}

const samples = 2000;
const [level, significance] = [0.95, 0.05];
/** Two processes that run one and the same model differ by about as much, by where their memory lies: no window of either shows that. */
const leastDifference = 0.02;

/** Throws INVALID_ARGUMENT where the reports are of different models or settings, or have no cell in common. */
export function compareBench(before: BenchReport, after: BenchReport): BenchComparison {
  checkComparable(before, after);
  const pairs = after.cells.flatMap((cell) => {
    const earlier = before.cells.find((other) => isSamePlace(other, cell));
    return earlier === undefined ? [] : [[earlier, cell] as const];
  });
  if (pairs.length === 0) {
    throw notComparable('have no cell in common', 'Measure the same batches, lanes and threads again.');
  }
  const pValues = pairs.map(([earlier, cell]) => mannWhitney(throughputs(earlier), throughputs(cell)));
  const adjusted = holm(pValues);
  const isMatched = (cell: CellPlace): boolean => pairs.some(([, matched]) => isSamePlace(matched, cell));
  return {
    before: { made: before.made, foveate: before.foveate },
    cells: pairs.map(([earlier, cell], i) => compareCell(earlier, cell, pValues[i] as number, adjusted[i] as number)),
    unmatched: [...before.cells, ...after.cells]
      .filter((cell) => !isMatched(cell))
      .map(({ batch, lanes, threads }) => ({ batch, lanes, threads })),
    notes: notesOf(before, after),
  };
}

function throughputs({ windows }: BenchCell): number[] {
  return windows.map(({ throughput }) => throughput);
}

function compareCell(earlier: BenchCell, cell: BenchCell, pValue: number, adjustedPValue: number): CellComparison {
  const { batch, lanes, threads } = cell;
  const ratio = cell.throughput / earlier.throughput;
  const random = new Random(0);
  const drawn = (values: readonly number[]): number => median(values.map(() => values[random.below(values.length)] as number));
  const ratios = Float64Array.from({ length: samples }, () => drawn(throughputs(cell)) / drawn(throughputs(earlier)));
  const { low, high } = percentileInterval(ratios, level);
  const shows = adjustedPValue < significance && (low > 1 || high < 1) && Math.abs(ratio - 1) > leastDifference;
  return {
    ...{ batch, lanes, threads, before: earlier.throughput, after: cell.throughput },
    ...{ ratio, interval: [low, high], pValue, adjustedPValue },
    verdict: !shows ? 'same' : ratio > 1 ? 'faster' : 'slower',
  };
}

/** To be asked before anything is measured. Throws INVALID_ARGUMENT where an earlier report is of a model with another hash. */
export function checkSameModel({ model }: BenchReport, sha256: string): void {
  if (model.sha256 !== sha256) throw differ('model', shortHash(model.sha256), shortHash(sha256));
}

function shortHash(sha256: string): string {
  return sha256.slice(0, 12);
}

/** What must be the same, how it is called, and how it is found. */
const settings = [
  ['model', ({ model }) => shortHash(model.sha256)],
  ['input', ({ settings }) => settings.input],
  ['device', ({ settings }) => settings.device],
  ['shapes of the inputs', ({ settings }) => JSON.stringify(settings.shapes)],
  ['pictures', ({ settings }) => settings.pictures?.sha256.slice(0, 12) ?? 'none'],
  ['calls in flight', ({ settings }) => String(settings.inFlight ?? 'as many as lanes')],
] as const satisfies readonly (readonly [string, (report: BenchReport) => string])[];

function checkComparable(before: BenchReport, after: BenchReport): void {
  for (const [name, of] of settings) {
    if (of(before) !== of(after)) throw differ(name, of(before), of(after));
  }
}

function differ(name: string, before: string, after: string): ArgumentError {
  const hint = 'Only reports of one model, measured in the same way, are compared.';
  return notComparable(`differ in the ${name}: ${before} and ${after}`, hint);
}

function notComparable(reason: string, hint: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', { message: `The two benchmarks ${reason}`, hint, details: { name: 'compare' } });
}

function notesOf(before: BenchReport, after: BenchReport): string[] {
  const facts = ['cpu', 'cores', 'platform', 'node', 'runtime'] as const;
  return [
    ...facts
      .filter((fact) => before.machine[fact] !== after.machine[fact])
      .map((fact) => `Measured with another ${fact}: ${before.machine[fact]} before, ${after.machine[fact]} now.`),
    ...[before, after]
      .filter(({ interrupted }) => interrupted)
      .map(({ made }) => `The benchmark of ${made} was interrupted: few windows show only large differences.`),
  ];
}

/** Reads a report that `foveate bench --save` wrote. Throws INVALID_ARGUMENT. */
export async function readBenchReport(path: string): Promise<BenchReport> {
  const file = checkPath('the report', path);
  let report: BenchReport;
  try {
    report = JSON.parse(await readFile(file, 'utf8')) as BenchReport;
  } catch (error) {
    throw invalidArgument('the report', 'a file that foveate bench --save wrote', path, `${(error as Error).message}.`);
  }
  if (report === null || typeof report !== 'object' || report.schema !== benchSchema.schema) {
    throw invalidArgument('the report', 'a file that foveate bench --save wrote', path);
  }
  if (report.version !== benchSchema.version) {
    const hint = `This version of foveate reads version ${benchSchema.version}.`;
    throw invalidArgument('the report', `version ${benchSchema.version} of the file`, report.version, hint);
  }
  if (!isWhole(report)) throw invalidArgument('the report', 'a whole report', path, 'The file was changed; measure again.');
  return report;
}

function isWhole({ model, machine, settings, cells }: Partial<BenchReport>): boolean {
  const isCell = (cell: Partial<BenchCell> | null): boolean =>
    Number.isFinite(cell?.throughput) &&
    Array.isArray(cell?.windows) &&
    cell.windows.length > 0 &&
    cell.windows.every((window) => Number.isFinite(window?.throughput));
  const isTold = typeof model?.sha256 === 'string' && typeof settings === 'object' && typeof machine === 'object';
  return isTold && settings !== null && machine !== null && Array.isArray(cells) && cells.every(isCell);
}
