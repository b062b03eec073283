import { countText, isNumber, noValue, shortened } from '../../evaluation/report/metric.js';
import { htmlPage, themeButton } from '../../evaluation/report/html/page.js';
import { named, numberCell, scrolled, section } from '../../evaluation/report/html/parts.js';
import { markup, type Markup } from '../../text/index.js';
import type { OptimizationReport } from '../optimization-report.js';
import {
  engineNames,
  precisionTitles,
  reasonText,
  worstNoiseDb,
  type LayerPrecision,
  type QuantizedLayer,
} from '../quantized-layer.js';
import {
  formRows,
  formTitle,
  msText,
  shortNumber,
  threadText,
  timesText,
  zerosText,
  type FormCell,
  type FormRow,
} from './form-rows.js';
import { latencyChart } from './latency-chart.js';
import { layerPlot } from './layer-plot.js';
import { paretoPlot } from './pareto-plot.js';
import { searchColumns, searchRows } from './search-rows.js';
import { ownStyle } from './style.js';
import { calibrationText, machineText, reportTitle } from './words.js';

/** Layers beyond that are in layers.csv alone. */
const shownLayers = 2000;
const longTable = 24;

/** An optimisation as one HTML file that needs nothing else, as the reports of evaluations are. */
export function htmlReport(report: OptimizationReport): string {
  const { foveate, made } = report;
  return htmlPage({
    title: reportTitle(report),
    foveate,
    made,
    heading: heading(report),
    ownStyle,
    sections: [
      ['forms', 'Before and after', formSection(report)],
      ['search', 'Budget', searchSection(report)],
      ['latency', 'Latency', latencySection(report)],
      ['layers', 'Layers', layerSection(report)],
      ['pictures', 'Pictures', pictureSection(report)],
      ['decisions', 'Decisions', listSection('decisions', 'Decisions', report.decisions)],
      ['notes', 'Notes', listSection('notes', 'Notes', report.notices)],
      ['setup', 'Setup', setupSection(report)],
    ],
  });
}

function heading(report: OptimizationReport): Markup {
  const { model, forms } = report;
  const served = forms.find(({ form }) => form === (report.precision === 'fp32' ? 'pruned' : 'onnxruntime'));
  const isSlower =
    report.precision === 'fp32'
      ? forms[0]?.shipped === true && served?.latency.some(({ verdict }) => verdict === 'slower') === true
      : served !== undefined && served.precision !== 'float32' && !served.shipped;
  return markup`<header>
<div class="top"><div><p class="kicker">${kicker(report)}</p>
<h1>${named(model.name)}</h1>
<p class="lede">${calibrationText(report)}.</p></div>
${themeButton}</div>${
    isSlower &&
    markup`
<p class="alert" role="note">${report.precision === 'fp32' ? 'The pruned model' : precisionTitles[served!.precision]} is slower than FP32 here: the bundle has FP32 for ONNX Runtime. <a href="#decisions">What was decided</a>.</p>`
  }
<ul class="cards">${cards(report).map(
    ({ name, meaning, value, note }) => markup`
<li class="card"><p class="name">${name}</p><p class="meaning">${meaning}</p><p class="value">${value}</p><p class="interval">${note ?? markup`&nbsp;`}</p></li>`,
  )}</ul>
</header>`;
}

function kicker({ precision, pruning }: OptimizationReport): string {
  const made = precision === 'fp32' ? [] : [`Optimisation to ${precisionTitles[precision]}`];
  return [...made, ...(pruning === undefined ? [] : [`Pruning, ${pruning.scheme}`])].join(' \u00b7 ');
}

interface Card {
  readonly name: string;
  readonly meaning: string;
  readonly value: string;
  readonly note?: string | undefined;
}

/** What whoever reads no further is to know: size and time of the first form that was made, and what each keeps. */
function cards(report: OptimizationReport): Card[] {
  const told: Card[] = [];
  const made = report.forms.find(({ form, precision }) =>
    report.precision === 'fp32' ? form === 'pruned' : precision !== 'float32',
  );
  for (const { form, bytes, sizeRatio, latency, agreement } of report.forms) {
    if (form === 'float32') continue;
    const engine = form === 'pruned' ? 'pruned' : engineNames[form];
    if (form === made?.form) {
      told.push({
        name: `Size, ${engine}`,
        meaning: 'of FP32',
        value: timesText(sizeRatio),
        note: `${(bytes / 1e6).toFixed(1)} MB`,
      });
      for (const { threads, ratio, medianMs, verdict } of latency) {
        told.push({
          name: `Latency, ${threadText(threads)}`,
          meaning: 'of FP32',
          value: timesText(ratio),
          note: `${msText(medianMs)}, ${verdict}`,
        });
      }
    }
    const metric = agreement?.metrics[0];
    if (metric === undefined) continue;
    const { name, value, interval } = metric;
    told.push({
      name: `${name.charAt(0).toUpperCase()}${name.slice(1)}, ${engine}`,
      meaning: 'agreement with FP32',
      value: isNumber(value) ? value.toFixed(3) : noValue,
      note: interval === undefined ? undefined : `${interval.map((end) => end.toFixed(3)).join(' to ')}`,
    });
  }
  return told;
}

const groupTitles: Readonly<Record<FormRow['group'], string>> = {
  size: 'Size',
  speed: 'Speed',
  energy: 'Energy',
  agreement: 'Agreement with FP32, on pictures held back',
  accuracy: 'Accuracy by labels, on pictures held back',
};

function formSection(report: OptimizationReport): Markup {
  const { forms } = report;
  const rows = formRows(report);
  const groups = [...new Set(rows.map(({ group }) => group))];
  const table = markup`<table class="forms"><caption class="unseen">The model before and after</caption>
<thead><tr><td></td>${forms.map(({ form }) => markup`<th scope="col" class="number">${formTitle(report, form)}</th>`)}</tr></thead>${groups.map(
    (group) => markup`<tbody>
<tr><th scope="rowgroup" colspan="${forms.length + 1}" class="attribute">${groupTitles[group]}</th></tr>${rows
      .filter((row) => row.group === group)
      .map(
        ({ name, cells }) => markup`
<tr><th scope="row">${named(name)}</th>${cells.map(formCell)}</tr>`,
      )}</tbody>`,
  )}</table>`;
  const judged = forms.filter((form) => form.judged !== '').map((form) => `${formTitle(report, form.form)}: ${form.judged}`);
  return section(
    'forms',
    'Before and after',
    scrolled('Before and after', table),
    `Judged by running ${judged.join('. ')}. Intervals are 95 %, by bootstrap over pictures.`,
  );
}

function formCell({ text, note, tone }: FormCell): Markup {
  return markup`<td class="number"><span class="main">${text}</span>${
    note !== undefined && markup`<br/><span class="beside${tone !== undefined && ` ${tone}`}">${note}</span>`
  }</td>`;
}

function searchSection(report: OptimizationReport): Markup | undefined {
  const rows = searchRows(report);
  if (rows.length === 0) return undefined;
  const table = markup`<table><caption class="unseen">Forms that were measured for the budget</caption>
<thead><tr>${searchColumns.map((name) => markup`<th scope="col">${name}</th>`)}</tr></thead><tbody>${rows.map(
    ({ cells, isTaken }) => markup`
<tr>${cells.map((text) => markup`<td>${isTaken ? markup`<strong>${text}</strong>` : text}</td>`)}</tr>`,
  )}</tbody></table>`;
  return section(
    'search',
    'Measured for the budget',
    [paretoPlot(report.search!), scrolled('Measured for the budget', table)],
    `Drops are of ${report.search!.metric}, on ${report.search!.pictures} pictures that nothing else is judged by; intervals hold 95 %. On the front is what no other form is better than in size, time and drop. The drawings stretch small drops, and join what is best by the two numbers that they show; dashes are limits.`,
  );
}

function latencySection(report: OptimizationReport): Markup | undefined {
  const timed = report.forms.filter(({ latency }) => latency.length > 0);
  if (timed.length === 0) return undefined;
  return section(
    'latency',
    'Latency',
    latencyChart(report, timed),
    'Of one run of the engine: bars are medians, lines reach from the first to the third quartile, and on to where 95 of 100 runs end.',
  );
}

function layerSection({ layers, pruning, precision }: OptimizationReport): Markup | undefined {
  if (layers.length === 0) return undefined;
  const shown = layers.slice(0, shownLayers);
  const table = markup`<table data-sortable="" class="layers"><caption class="unseen">Layers</caption>
<thead><tr><th scope="col" class="number">#</th><th scope="col">Layer</th><th scope="col">Operator</th><th scope="col" class="number">MACs</th><th scope="col">ONNX Runtime</th><th scope="col">TensorRT</th><th scope="col" class="number">Noise, dB</th><th scope="col" class="number">Min</th><th scope="col" class="number">Max</th><th scope="col">Why float</th>${
    pruning !== undefined && markup`<th scope="col" class="number">Zeros</th>`
  }</tr></thead><tbody>${shown.map((layer, place) => layerRow(layer, place, pruning !== undefined))}
</tbody></table>`;
  return section(
    'layers',
    `${countText(layers.length)} layers`,
    [
      precision !== 'fp32' && layerPlot(shown),
      scrolled('Layers', table, shown.length > longTable),
      shown.length < layers.length && markup`<p class="note">${countText(shown.length)} are shown; layers.csv has all.</p>`,
    ],
    layers.some((layer) => isNumber(worstNoiseDb(layer)))
      ? 'In the order of the graph. Noise is that of quantising a layer\u2019s output alone, of its worst group of channels: the lower the number, the more it hurts.'
      : precision === 'fp32'
        ? 'In the order of the graph. Zeros are those of the pruned model.'
        : 'In the order of the graph: layers, and what else stays FP32.',
  );
}

function layerRow(layer: QuantizedLayer, place: number, isPruned: boolean): Markup {
  const { name, operator, macs, precision, range, pruned } = layer;
  const noiseDb = worstNoiseDb(layer);
  return markup`
<tr>${numberCell(String(place + 1), place + 1)}<th scope="row">${named(name)}</th><td>${shortened(operator, 60)}</td>${numberCell(
    isNumber(macs) ? countText(macs) : noValue,
    macs,
  )}${precisionCell(precision.onnxruntime)}${precisionCell(precision.tensorrt)}${numberCell(
    isNumber(noiseDb) ? noiseDb.toFixed(1) : noValue,
    noiseDb,
  )}${numberCell(range === undefined ? noValue : shortNumber(range.min), range?.min)}${numberCell(
    range === undefined ? noValue : shortNumber(range.max),
    range?.max,
  )}<td class="reason">${shortened(reasonText(layer), 200)}</td>${isPruned && numberCell(zerosText(layer), pruned?.zeros)}</tr>`;
}

function precisionCell(precision: LayerPrecision): Markup {
  return markup`<td><span class="tag ${precision}">${precisionTitles[precision]}</span></td>`;
}

function pictureSection(report: OptimizationReport): Markup | undefined {
  const rows = report.forms.flatMap(({ form, agreement }) => (agreement?.worst ?? []).map((worst) => ({ form, ...worst })));
  if (rows.length === 0) return undefined;
  const table = markup`<table data-sortable=""><caption class="unseen">Pictures that differ most</caption>
<thead><tr><th scope="col">Form</th><th scope="col">Picture</th><th scope="col" class="number">Likeness</th></tr></thead><tbody>${rows.map(
    ({ form, picture, value }) => markup`
<tr><td>${formTitle(report, form)}</td><th scope="row">${named(picture)}</th>${numberCell(isNumber(value) ? value.toFixed(3) : noValue, value)}</tr>`,
  )}</tbody></table>`;
  return section('pictures', 'Pictures that differ most', scrolled('Pictures that differ most', table));
}

function listSection(id: string, title: string, lines: readonly string[]): Markup | undefined {
  if (lines.length === 0) return undefined;
  return section(id, title, markup`<ul class="said">${lines.map((line) => markup`<li>${line}</li>`)}</ul>`);
}

function setupSection(report: OptimizationReport): Markup {
  const { model, machine, task, seconds, calibration } = report;
  const list = (title: string, rows: readonly (readonly [string, string | Markup | undefined])[]): Markup =>
    markup`<div><h3>${title}</h3><dl>${rows
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => markup`<dt>${name}</dt><dd>${typeof value === 'string' ? named(value) : value}</dd>`)}</dl></div>`;
  return section(
    'setup',
    'Setup',
    markup`<div class="setup">${list('Model', [
      ['Name', model.name],
      ['Task', task],
      ['Size', `${countText(model.bytes)} bytes`],
      ['SHA-256', markup`<code>${shortened(model.sha256, 80)}</code>`],
    ])}${list('Machine', [
      ['Processor', machineText(report)],
      ['Node', machine.node],
      ['Energy', machine.noEnergy === undefined ? undefined : `Not measured: ${machine.noEnergy}`],
    ])}${list('Steps', [
      [
        'Calibrated',
        `${countText(calibration.pictures)} pictures${calibration.table === undefined ? '' : `, ${calibration.table}`}`,
      ],
      ['Held back', `${countText(calibration.heldBack)} pictures`],
      ['Seed', String(calibration.seed)],
      ...Object.entries(seconds).map(([step, took]) => [step, `${took.toFixed(1)} s`] as const),
    ])}</div>`,
  );
}
