import { markup, type Markup } from '../../../text/index.js';
import type { EvaluationCurve, EvaluationResult } from '../../evaluation-result.js';
import { countText, groupBy, isNumber, shortened } from '../metric.js';
import { coordinate, scale } from './drawing.js';
import { named, section } from './parts.js';

interface ChartKind {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  /** Where the diagonal is what chance or a perfect calibration gives. */
  readonly diagonal?: string;
}

const kinds: Readonly<Record<EvaluationCurve['kind'], ChartKind>> = {
  'precision-recall': { title: 'Precision and recall', x: 'Recall', y: 'Precision' },
  roc: { title: 'ROC', x: 'False positive rate', y: 'True positive rate', diagonal: 'chance' },
  reliability: { title: 'Reliability', x: 'Confidence', y: 'Accuracy', diagonal: 'calibrated' },
  'confidence-f1': { title: 'F1 by confidence', x: 'Confidence', y: 'F1' },
  alpha: { title: 'By localisation threshold', x: 'Localisation threshold \u03b1', y: 'Score' },
};

/** So many curves have a colour and a name of their own; the next are drawn in grey behind them. */
const namedCurves = 8;
const greyCurves = 92;
const namedPoints = 240;
const greyPoints = 60;

const [left, top, right, bottom] = [52, 12, 508, 284];
const x = scale(0, 1, left, right);
const y = scale(0, 1, bottom, top);

/** A chart for each kind of curve. */
export function curveSection({ curves }: EvaluationResult): Markup | undefined {
  const groups = [...groupBy(curves, ({ kind }) => kind)];
  if (groups.length === 0) return undefined;
  return section(
    'curves',
    'Curves',
    markup`<div class="charts">${groups.map(([kind, group]) => chart(kinds[kind], group))}</div>`,
  );
}

function chart(kind: ChartKind, curves: readonly EvaluationCurve[]): Markup {
  const front = curves.slice(0, namedCurves);
  const behind = curves.slice(namedCurves, namedCurves + greyCurves);
  const names = front.map(({ name }) => shortened(name, 40)).join(', ');
  const label = `${kind.title}: ${kind.y} over ${kind.x}, both from 0 to 1, of ${names}${behind.length > 0 ? ' and others' : ''}`;
  return markup`
<figure class="chart"><figcaption><h3>${kind.title}</h3></figcaption>
<svg viewBox="0 0 520 330" role="img" aria-label="${label}">${frame(kind)}${behind.map((curve) =>
    line(curve, 'behind', greyPoints),
  )}${front.map((curve, i) => line(curve, `series s${i}`, namedPoints)).toReversed()}</svg>
<ul class="legend">${front.map(
    ({ name }, i) =>
      markup`<li><svg viewBox="0 0 26 10" aria-hidden="true"><line class="series s${i}" x1="1" y1="5" x2="25" y2="5"/></svg>${named(name)}</li>`,
  )}${others(curves.length - front.length, behind.length)}${
    kind.diagonal !== undefined &&
    markup`<li><svg viewBox="0 0 26 10" aria-hidden="true"><line class="diagonal" x1="1" y1="5" x2="25" y2="5"/></svg>${kind.diagonal}</li>`
  }</ul></figure>`;
}

function others(total: number, drawn: number): Markup | undefined {
  if (total === 0) return undefined;
  const text = drawn === total ? `${countText(total)} more` : `${countText(drawn)} of ${countText(total)} more`;
  return markup`<li><svg viewBox="0 0 26 10" aria-hidden="true"><line class="behind" x1="1" y1="5" x2="25" y2="5"/></svg>${text}</li>`;
}

function frame(kind: ChartKind): Markup {
  const steps = [0, 0.25, 0.5, 0.75, 1];
  return markup`${steps.map(
    (step) => markup`<line class="grid" x1="${left}" y1="${coordinate(y(step))}" x2="${right}" y2="${coordinate(y(step))}"/>
<line class="grid" x1="${coordinate(x(step))}" y1="${top}" x2="${coordinate(x(step))}" y2="${bottom}"/>
<text class="tick" x="${left - 8}" y="${coordinate(y(step) + 4)}" text-anchor="end">${step}</text>
<text class="tick" x="${coordinate(x(step))}" y="${bottom + 18}" text-anchor="middle">${step}</text>`,
  )}<text class="axis" x="${(left + right) / 2}" y="${bottom + 40}" text-anchor="middle">${kind.x}</text>
<text class="axis" transform="translate(14 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${kind.y}</text>
${kind.diagonal !== undefined && markup`<line class="diagonal" x1="${left}" y1="${bottom}" x2="${right}" y2="${top}"/>`}`;
}

/** What lies outside of 0 to 1 is drawn on the edge; where there is no number, the line is broken. */
function line({ name, x: xs, y: ys }: EvaluationCurve, style: string, limit: number): Markup {
  const length = Math.min(xs.length, ys.length);
  let path = '';
  let isOpen = false;
  for (const i of evenly(length, limit)) {
    const [px, py] = [xs[i], ys[i]];
    if (isNumber(px) && isNumber(py)) path += `${isOpen ? 'L' : 'M'}${coordinate(x(clamp(px)))} ${coordinate(y(clamp(py)))}`;
    isOpen = isNumber(px) && isNumber(py);
  }
  // A line of no length still has round ends: a curve of one point is a dot.
  return markup`<path class="${style}" d="${/^M[^ML]*$/.test(path) ? `${path}h0` : path}"><title>${shortened(name, 80)}</title></path>`;
}

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** At most `limit` places of `length`, the first and the last among them. */
function evenly(length: number, limit: number): number[] {
  const count = Math.min(length, limit);
  return Array.from({ length: count }, (_, i) => (count === length ? i : Math.round((i * (length - 1)) / (count - 1))));
}
