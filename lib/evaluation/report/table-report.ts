import { alignRows, printable, type Cell } from '../../text/index.js';
import type { ClassResult, EvaluationResult, MetricIntervals, SliceResult } from '../evaluation-result.js';
import { countText, groupBy, headlineOf, metricNames, metricText, shortened, worstFirst, worstOf } from './metric.js';

/** Of more, only the worst are shown. */
const shownClasses = 10;
const shownFailures = 10;
/** More columns would not fit a terminal. */
const shownColumns = 6;
const nameLength = 40;

/** An evaluation in lines for a terminal: its metrics, the worst classes, slices with the worst of each attribute marked, latency, failures. */
export function tableReport(result: EvaluationResult): string[] {
  const blocks = [metricLines(result), classLines(result), sliceLines(result), latencyLines(result), failureLines(result)];
  return [heading(result), ...blocks.filter((lines) => lines.length > 0).flatMap((lines) => ['', ...lines])];
}

function heading({ task, model, dataset }: EvaluationResult): string {
  const subject = model === undefined ? '' : `${name(model.name)}${model.device === undefined ? '' : ` (${model.device})`} on `;
  const sizes = `${countText(dataset.images)} pictures, ${countText(dataset.annotations)} annotations`;
  return printable(`${task}: ${subject}${name(dataset.name)}, ${sizes}`);
}

function metricLines({ metrics, intervals }: EvaluationResult): string[] {
  const names = Object.keys(metrics);
  if (names.length === 0) return ['No metrics: there was nothing to count.'];
  return alignRows([
    ['metric', { number: 'value' }, '95 %'],
    ...names.map((metric): Cell[] => [name(metric), { number: metricText(metric, metrics[metric]) }, ends(metric, intervals)]),
  ]);
}

function classLines({ task, classes }: EvaluationResult): string[] {
  const values = classes.map(({ metrics }) => metrics);
  const headline = headlineOf(task, values);
  if (headline === undefined) return [];
  const many = classes.length > shownClasses;
  const shown = many ? worstFirst(classes, headline).slice(0, shownClasses) : classes;
  const columns = columnsOf(headline, metricNames(values));
  const row = ({ name: className, count, metrics }: ClassResult): Cell[] => [
    name(className),
    { number: countText(count) },
    ...columns.map((metric) => ({ number: metricText(metric, metrics[metric]) })),
  ];
  return [
    many ? `The ${shown.length} worst of ${countText(classes.length)} classes, by ${name(headline)}` : 'Classes',
    ...alignRows([['class', { number: 'count' }, ...columns.map((metric) => ({ number: name(metric) }))], ...shown.map(row)]),
  ];
}

function sliceLines({ task, slices }: EvaluationResult): string[] {
  const headline = headlineOf(
    task,
    slices.map(({ metrics }) => metrics),
  );
  if (headline === undefined) return [];
  const groups = groupBy(slices, ({ attribute }) => attribute);
  const rows = [...groups.values()].flatMap((group) => {
    const worst = worstOf(group, headline);
    return group.map((slice) => sliceRow(slice, headline, slice === worst));
  });
  return [
    'Slices',
    ...alignRows([['attribute', 'value', { number: 'pictures' }, { number: name(headline) }, '95 %', ''], ...rows]),
  ];
}

function sliceRow({ attribute, value, images, metrics, intervals }: SliceResult, headline: string, isWorst: boolean): Cell[] {
  return [
    name(attribute),
    name(value),
    { number: countText(images) },
    { number: metricText(headline, metrics[headline]) },
    ends(headline, intervals),
    isWorst ? '<- worst' : '',
  ];
}

function latencyLines({ latencyMs }: EvaluationResult): string[] {
  if (latencyMs === undefined) return [];
  const { images, mean, p50, p95, p99 } = latencyMs;
  const values = Object.entries({ mean, p50, p95, p99 }).map(([what, ms]) => `${what} ${ms.toFixed(1)} ms`);
  return [`Latency: ${values.join(', ')}, of ${countText(images)} pictures`];
}

function failureLines({ failures }: EvaluationResult): string[] {
  if (failures.length === 0) return [];
  const shown = failures.slice(0, shownFailures).map(({ image, code, message }) => [name(image), code, shortened(message, 80)]);
  const others = failures.length - shown.length;
  return [
    `${countText(failures.length)} ${failures.length === 1 ? 'picture' : 'pictures'} could not be evaluated`,
    ...alignRows(shown),
    ...(others === 0 ? [] : [`  and ${countText(others)} more`]),
  ];
}

/** The headline first, then the others as they come. */
function columnsOf(headline: string, names: readonly string[]): string[] {
  return [headline, ...names.filter((metric) => metric !== headline)].slice(0, shownColumns);
}

function ends(metric: string, intervals: MetricIntervals): string {
  return intervals[metric]?.map((end) => metricText(metric, end)).join(' to ') ?? '';
}

function name(text: string): string {
  return shortened(text, nameLength);
}
