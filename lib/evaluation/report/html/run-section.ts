/** What was run, how long it took, and what could not be evaluated. */
import { markup, type Markup, type MarkupPart } from '../../../text/index.js';
import type { EvaluationResult } from '../../evaluation-result.js';
import { countText, shortened } from '../metric.js';
import { coordinate } from './drawing.js';
import { named, numberCell, others, scrolled, section } from './parts.js';

const shownFailures = 500;

export function latencySection({ latencyMs }: EvaluationResult): Markup | undefined {
  if (latencyMs === undefined) return undefined;
  const { images, mean, p50, p95, p99 } = latencyMs;
  const most = Math.max(mean, p50, p95, p99, Number.MIN_VALUE);
  const rows: readonly (readonly [string, number])[] = [
    ['Mean', mean],
    ['Median', p50],
    ['95 of 100 within', p95],
    ['99 of 100 within', p99],
  ];
  return section(
    'latency',
    'Latency',
    markup`<table class="latency"><caption class="unseen">Latency of a picture in milliseconds</caption><tbody>${rows.map(
      ([name, ms]) => markup`
<tr><th scope="row">${name}</th>${numberCell(`${ms.toFixed(ms < 10 ? 2 : 1)} ms`, ms)}<td class="plot"><svg viewBox="0 0 260 10" aria-hidden="true"><rect class="fill" width="${coordinate((260 * ms) / most)}" height="10" rx="2"/></svg></td></tr>`,
    )}</tbody></table>`,
    `Of ${countText(images)} pictures.`,
  );
}

/** Model, data set, options and version. */
export function setupSection({ foveate, made, task, model, dataset, options }: EvaluationResult): Markup {
  const optionRows = Object.entries(options).map(([name, value]): Row => [name, value === null ? 'none' : String(value)]);
  return section(
    'setup',
    'Setup',
    markup`<div class="setup">${
      model !== undefined &&
      list('Model', [
        ['Name', model.name],
        ['Device', model.device],
        ['Size', byteText(model.bytes)],
        ['SHA-256', hash(model.sha256)],
      ])
    }${list('Data set', [
      ['Name', dataset.name],
      ['Format', dataset.format],
      ['Pictures', countText(dataset.images)],
      ['Annotations', countText(dataset.annotations)],
      ['SHA-256', dataset.sha256 === undefined ? undefined : hash(dataset.sha256)],
    ])}${list('Evaluation', [['Task', task], ['Made', made], ['foveate', foveate], ...optionRows])}</div>`,
  );
}

export function failureSection({ failures }: EvaluationResult): Markup | undefined {
  if (failures.length === 0) return undefined;
  const shown = failures.slice(0, shownFailures);
  const table = markup`<table data-sortable=""><caption class="unseen">Pictures that could not be evaluated</caption>
<thead><tr><th scope="col">Picture</th><th scope="col">Code</th><th scope="col">Message</th></tr></thead><tbody>${shown.map(
    ({ image, code, message }) => markup`
<tr><th scope="row">${named(image)}</th><td><code>${shortened(code, 80)}</code></td><td class="message">${shortened(message, 500)}</td></tr>`,
  )}</tbody></table>`;
  return section('failures', 'Not evaluated', [
    scrolled('Pictures that could not be evaluated', table, shown.length > 12),
    others(shown.length, failures.length, 'pictures'),
  ]);
}

type Row = readonly [name: string, value: string | Markup | undefined];

function list(title: string, rows: readonly Row[]): Markup {
  const told = rows.filter(([, value]) => value !== undefined);
  const shown = (value: string | Markup | undefined): MarkupPart => (typeof value === 'string' ? named(value) : value);
  return markup`<div><h3>${title}</h3><dl>${told.map(
    ([name, value]) => markup`<dt>${named(name)}</dt><dd>${shown(value)}</dd>`,
  )}</dl></div>`;
}

function hash(sha256: string): Markup {
  return markup`<code>${shortened(sha256, 80)}</code>`;
}

function byteText(bytes: number): string {
  return bytes < 100_000 ? `${countText(bytes)} bytes` : `${(bytes / 1e6).toFixed(1)} MB`;
}
