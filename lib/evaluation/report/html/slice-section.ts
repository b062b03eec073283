import { markup, type Markup } from '../../../text/index.js';
import type { EvaluationResult, SliceResult } from '../../evaluation-result.js';
import { countText, groupBy, headlineOf, isNumber, metricNames, metricText, worstOf } from '../metric.js';
import { coordinate, scale, whisker } from './drawing.js';
import { intervalText, named, numberCell, others, scrolled, section } from './parts.js';

const shownSlices = 500;
const width = 260;
const margin = 14;

/** Where the axis of the slices has its ends, and the value of all pictures. */
interface SliceAxis {
  readonly x: (value: number) => number;
  readonly ticks: readonly number[];
  /** Of the ticks. */
  readonly decimals: number;
  readonly overall: number | undefined;
}

/** A table of the values of each attribute, with the headline as a dot on a common axis, beside a line where that of all pictures lies. */
export function sliceSection({ task, metrics, slices }: EvaluationResult): Markup | undefined {
  const headline = headlineOf(
    task,
    slices.map(({ metrics }) => metrics),
  );
  if (headline === undefined) return undefined;
  const shown = slices.slice(0, shownSlices);
  const axis = axisOf(shown, headline, metrics[headline]);
  const note =
    axis.overall !== undefined &&
    markup`The line is ${named(headline)} of all pictures, ${metricText(headline, axis.overall)}.${
      shown.some(({ intervals }) => intervals[headline] !== undefined) && markup` <b>Below</b>: the whole interval lies under it.`
    }`;
  return section('slices', 'Slices', [sliceTable(shown, headline, axis), others(shown.length, slices.length, 'slices')], note);
}

function sliceTable(slices: readonly SliceResult[], headline: string, axis: SliceAxis): Markup {
  const rest = metricNames(slices.map(({ metrics }) => metrics)).filter((name) => name !== headline);
  const groups = [...groupBy(slices, ({ attribute }) => attribute)].map(([attribute, group]) => {
    const worst = worstOf(group, headline);
    return markup`<tbody><tr><th scope="rowgroup" class="attribute" colspan="${6 + rest.length}">${named(attribute)}</th></tr>${group.map(
      (slice) => sliceRow(slice, headline, rest, axis, slice === worst),
    )}</tbody>`;
  });
  const table = markup`<table class="slices"><caption class="unseen">Slices</caption>
<thead><tr><th scope="col">Value</th><th scope="col" class="number">Pictures</th><th scope="col" class="number">${named(headline)}</th>
<th scope="col" class="plot"><span class="unseen">On a line</span>${ticks(axis)}</th><th scope="col">95 %</th>${rest.map(
    (metric) => markup`<th scope="col" class="number">${named(metric)}</th>`,
  )}<th scope="col"><span class="unseen">Remark</span></th></tr></thead>${groups}</table>`;
  return scrolled('Slices', table);
}

function sliceRow(slice: SliceResult, headline: string, rest: readonly string[], axis: SliceAxis, isWorst: boolean): Markup {
  const { value: name, images, metrics, intervals } = slice;
  const value = metrics[headline];
  const interval = intervals[headline];
  const isBelow = axis.overall !== undefined && interval !== undefined && isNumber(interval[1]) && interval[1] < axis.overall;
  const remarks = [...(isWorst ? ['worst'] : []), ...(isBelow ? ['below'] : [])];
  return markup`
<tr${(isWorst || isBelow) && markup` class="notable"`}><th scope="row">${named(name)}</th>${numberCell(countText(images), images)}${numberCell(
    metricText(headline, value),
    value,
  )}<td class="plot"><svg viewBox="0 0 ${width} 22" aria-hidden="true">${grid(axis)}${whisker(value, interval, axis.x, 22)}</svg></td>
<td class="interval">${interval === undefined ? '' : intervalText(headline, interval)}</td>${rest.map((metric) =>
    numberCell(metricText(metric, metrics[metric]), metrics[metric]),
  )}<td>${remarks.map((remark) => markup`<span class="tag">${remark}</span> `)}</td></tr>`;
}

function grid({ x, ticks, overall }: SliceAxis): Markup {
  return markup`${ticks.map(
    (tick) => markup`<line class="grid" x1="${coordinate(x(tick))}" y1="0" x2="${coordinate(x(tick))}" y2="22"/>`,
  )}${overall !== undefined && markup`<line class="overall" x1="${coordinate(x(overall))}" y1="0" x2="${coordinate(x(overall))}" y2="22"/>`}`;
}

function ticks({ x, ticks, decimals }: SliceAxis): Markup {
  return markup`<svg viewBox="0 0 ${width} 14" aria-hidden="true">${ticks.map(
    (tick) => markup`<text class="tick" x="${coordinate(x(tick))}" y="11" text-anchor="middle">${tick.toFixed(decimals)}</text>`,
  )}</svg>`;
}

/** Wide enough for all values and intervals; its ticks are round numbers. */
function axisOf(slices: readonly SliceResult[], headline: string, overall: number | null | undefined): SliceAxis {
  const values = slices
    .flatMap(({ metrics, intervals }) => [metrics[headline], ...(intervals[headline] ?? [])])
    .concat(overall)
    .filter(isNumber);
  const [low, high] = values.length === 0 ? [0, 1] : [Math.min(...values), Math.max(...values)];
  const step = roundStep((high - low || Math.abs(high) || 1) / 4);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
  const x = scale(ticks[0] as number, ticks.at(-1) as number, margin, width - margin);
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { x, ticks, decimals, overall: isNumber(overall) ? overall : undefined };
}

/** 1, 2 or 5 times a power of ten, the next above `step`. */
function roundStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return (([1, 2, 5] as const).find((times) => times * power >= step) ?? 10) * power;
}
