/** What forms that were measured for a budget lose, against what they take: the front of these two is a line, limits are dashed. */
import { coordinate, scale } from '../../evaluation/report/html/drawing.js';
import { markup, type Markup } from '../../text/index.js';
import { engineNames, type QuantizedFormName } from '../quantized-layer.js';
import { candidateTitle, type Budget, type Candidate } from '../search/budget.js';
import { paretoFront } from '../search/pareto.js';
import type { FormSearch } from '../search/search-form.js';
import type { ReportedSearch } from '../search/search-model.js';
import { byteText, msText } from './form-rows.js';
import { percent } from './search-rows.js';

const [width, height] = [340, 300];
const [left, right, top, bottom] = [54, width - 14, 34, height - 42];
const gap = 20;
const ticks = [0, -0.01, -0.05, -0.2, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1] as const;
/** Drops are drawn by the inverse hyperbolic sine of their number of these: in steps below, by their ratios above. */
const unit = 0.01;
/** Labels that are closer would overlap. */
const leastTickGap = 14;

/** What is drawn along the other axis. */
interface Cost {
  readonly name: string;
  readonly goal: 'latencyMs' | 'bytes';
  readonly of: (candidate: Candidate) => number | null;
  readonly text: (cost: number) => string;
}

const costs: readonly Cost[] = [
  { name: 'latency', goal: 'latencyMs', of: ({ latencyMs }) => latencyMs, text: msText },
  { name: 'file', goal: 'bytes', of: ({ bytes }) => bytes, text: byteText },
];

/** A panel for each form and what it takes, as far as that was measured of all; nothing where one form alone was. */
export function paretoPlot({ forms, budget }: ReportedSearch): Markup | undefined {
  const panels = (Object.keys(forms) as QuantizedFormName[]).flatMap((form) =>
    costs
      .filter(({ of }) => forms[form]!.candidates.length > 1 && forms[form]!.candidates.every((one) => of(one) !== null))
      .map((cost) => ({ form, cost })),
  );
  if (panels.length === 0) return undefined;
  const all = panels.length * (width + gap) - gap;
  return markup`<div class="plot-frame" role="region" tabindex="0" aria-label="Plots of what forms lose"><svg viewBox="0 0 ${all} ${height}" width="${all}" class="wide pareto" role="img" aria-label="Drop of each form against its latency and its file; the table below has the numbers">${panels.map(
    ({ form, cost }, place) =>
      markup`<g transform="translate(${place * (width + gap)} 0)">${panel(form, forms[form]!, cost, budget)}</g>`,
  )}</svg></div>`;
}

function panel(form: QuantizedFormName, { candidates, chosen }: FormSearch, cost: Cost, budget: Budget): Markup {
  const found = candidates.map((candidate) => ({ candidate, cost: cost.of(candidate) as number }));
  const limit = budget[cost.goal];
  const along = [...found.map((one) => one.cost), ...(limit === undefined ? [] : [limit])];
  const [least, most] = [Math.min(...along), Math.max(...along)];
  const margin = 0.08 * (most - least || most);
  const x = scale(least - margin, most + margin, left, right);
  const drops = [0, unit, budget.maxDrop ?? 0, ...candidates.flatMap(({ dropInterval }) => dropInterval)];
  const up = scale(Math.asinh(Math.min(...drops) / unit), Math.asinh(Math.max(...drops) / unit), bottom, top);
  const y = (drop: number): number => up(Math.asinh(drop / unit));
  const onFront = paretoFront(candidates, (candidate) => [candidate.drop, cost.of(candidate) as number]);
  const front = found.filter(({ candidate }) => onFront.has(candidate)).sort((a, b) => a.cost - b.cost);
  return markup`<text class="plot-title" x="${left}" y="16">${engineNames[form]}: drop by ${cost.name}</text>${dropTicks(y, [Math.min(...drops), Math.max(...drops)])}
${[least, most].map((end) => markup`<text class="tick" x="${coordinate(x(end))}" y="${height - 22}" text-anchor="middle">${cost.text(end)}</text>`)}<line class="grid" x1="${left}" y1="${bottom + 8}" x2="${right}" y2="${bottom + 8}"/>${
    budget.maxDrop !== undefined && limitLine('of the drop', left, y(budget.maxDrop), right, y(budget.maxDrop))
  }${limit !== undefined && limitLine(`of the ${cost.name}`, x(limit), top, x(limit), bottom + 8)}
<polyline class="front" points="${front.map((one) => `${coordinate(x(one.cost))},${coordinate(y(one.candidate.drop))}`).join(' ')}"/>${found.map(
    (one) => point(one.candidate, x(one.cost), y, `${cost.text(one.cost)}`, one.candidate.rung === chosen?.rung),
  )}`;
}

function dropTicks(y: (drop: number) => number, [least, most]: readonly [number, number]): Markup {
  const shown: number[] = [];
  for (const tick of ticks) {
    if (tick >= least && tick <= most && shown.every((other) => Math.abs(y(tick) - y(other)) >= leastTickGap)) shown.push(tick);
  }
  return markup`${shown.map(
    (tick) =>
      markup`<line class="grid" x1="${left}" y1="${coordinate(y(tick))}" x2="${right}" y2="${coordinate(y(tick))}"/><text class="tick" x="${left - 8}" y="${coordinate(y(tick) + 4)}" text-anchor="end">${percent(tick, 0)}</text>`,
  )}`;
}

function limitLine(what: string, x1: number, y1: number, x2: number, y2: number): Markup {
  return markup`<line class="limit" x1="${coordinate(x1)}" y1="${coordinate(y1)}" x2="${coordinate(x2)}" y2="${coordinate(y2)}"><title>Limit ${what}</title></line>`;
}

function point(candidate: Candidate, x: number, y: (drop: number) => number, cost: string, isTaken: boolean): Markup {
  const { drop, dropInterval, precision } = candidate;
  const [low, high] = dropInterval;
  const [at, middle] = [coordinate(x), coordinate(y(drop))];
  return markup`<line class="stem-${precision}" x1="${at}" y1="${coordinate(y(low))}" x2="${at}" y2="${coordinate(y(high))}" stroke-width="1.5"/>${
    isTaken && markup`<circle class="taken" cx="${at}" cy="${middle}" r="8"/>`
  }<circle class="cell-${precision}" cx="${at}" cy="${middle}" r="4"><title>${candidateTitle(candidate)}: ${cost}, drop ${percent(drop)} (${percent(low)} to ${percent(high)})${isTaken && ', taken'}</title></circle>`;
}
