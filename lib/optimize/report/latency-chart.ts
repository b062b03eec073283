import { coordinate, scale } from '../../evaluation/report/html/drawing.js';
import { markup, type Markup } from '../../text/index.js';
import type { Latency } from '../latency.js';
import type { OptimizationReport, ReportedForm } from '../optimization-report.js';
import { formTitle, msText, threadText } from './form-rows.js';

const [left, right, width] = [190, 900, 1060];
const rowHeight = 26;

/** A bar for each form and number of threads, on one axis of milliseconds from 0. */
export function latencyChart(report: OptimizationReport, forms: readonly ReportedForm[]): Markup {
  const threads = [...new Set(forms.flatMap(({ latency }) => latency.map((one) => one.threads)))];
  const groups = threads.map((count) => ({
    count,
    bars: forms.flatMap(({ form, latency }) => {
      const found = latency.find((one) => one.threads === count);
      return found === undefined ? [] : [{ form, title: formTitle(report, form), latency: found }];
    }),
  }));
  const most = Math.max(...groups.flatMap(({ bars }) => bars.map(({ latency }) => latency.p95Ms)), Number.MIN_VALUE);
  const x = scale(0, most, left, right);
  let y = 0;
  const drawn = groups.map(({ count, bars }) => {
    y += 24;
    const title = markup`<text class="plot-title" x="0" y="${y - 8}">${threadText(count)}</text>`;
    return [
      title,
      ...bars.map((bar) => {
        y += rowHeight;
        return drawBar(bar, x, y - rowHeight);
      }),
    ];
  });
  return markup`<div class="plot-frame"><svg viewBox="0 0 ${width} ${y + 4}" role="img" aria-label="Latency of each form">${drawn}</svg></div>`;
}

function drawBar(
  { form, title, latency }: { readonly form: ReportedForm['form']; readonly title: string; readonly latency: Latency },
  x: (ms: number) => number,
  top: number,
): Markup {
  const { medianMs, quartilesMs, p95Ms } = latency;
  const [low, high] = quartilesMs;
  const middle = top + 10;
  const end = x(Math.max(p95Ms, medianMs));
  return markup`
<text class="tick" x="${left - 10}" y="${middle + 4}" text-anchor="end">${title}</text><rect class="bar-${form}" x="${left}" y="${top + 2}" width="${coordinate(
    x(medianMs) - left,
  )}" height="16" rx="3"/><line class="tail" x1="${coordinate(x(high))}" y1="${middle}" x2="${coordinate(x(p95Ms))}" y2="${middle}"/><line class="quartiles" x1="${coordinate(
    x(low),
  )}" y1="${middle}" x2="${coordinate(x(high))}" y2="${middle}"/><text class="label tick" x="${coordinate(end + 8)}" y="${middle + 4}">${msText(medianMs)}</text>`;
}
