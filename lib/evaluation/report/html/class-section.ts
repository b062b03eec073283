import { markup, type Markup } from '../../../text/index.js';
import type { ClassResult, EvaluationResult } from '../../evaluation-result.js';
import { countText, headlineOf, isShare, metricNames, metricText, worstFirst } from '../metric.js';
import { coordinate } from './drawing.js';
import { named, numberCell, others, scrolled, section } from './parts.js';

/** Of more classes, the worst are shown. */
const shownClasses = 2000;
/** A longer table is scrolled in its frame. */
const longTable = 24;

/** A table of all classes, the worst first. */
export function classSection({ task, classes }: EvaluationResult): Markup | undefined {
  if (classes.length === 0) return undefined;
  const names = metricNames(classes.map(({ metrics }) => metrics));
  const headline = headlineOf(
    task,
    classes.map(({ metrics }) => metrics),
  );
  const shown = (headline === undefined ? classes : worstFirst(classes, headline)).slice(0, shownClasses);
  const ordered = headline === undefined ? [] : [headline, ...names.filter((name) => name !== headline)];
  const row = ({ name, count, metrics }: ClassResult): Markup => markup`
<tr><th scope="row">${named(name)}</th>${numberCell(countText(count), count)}${ordered.map((metric) =>
    numberCell(
      metricText(metric, metrics[metric]),
      metrics[metric],
      metric === headline ? bar(metric, metrics[metric]) : undefined,
    ),
  )}</tr>`;
  const table = markup`<table data-sortable=""><caption class="unseen">Metrics of each class</caption>
<thead><tr><th scope="col">Class</th><th scope="col" class="number">Count</th>${ordered.map(
    (metric) => markup`<th scope="col" class="number">${named(metric)}</th>`,
  )}</tr></thead><tbody>${shown.map(row)}
</tbody></table>`;
  return section(
    'classes',
    classes.length === 1 ? 'Class' : `${countText(classes.length)} classes`,
    [scrolled('Classes', table, shown.length > longTable), others(shown.length, classes.length, 'classes')],
    headline !== undefined && classes.length > 1 && markup`The worst by ${named(headline)} come first.`,
  );
}

function bar(metric: string, value: number | null | undefined): Markup | undefined {
  if (!isShare(metric, value)) return undefined;
  return markup`<svg class="bar" viewBox="0 0 64 6" aria-hidden="true"><rect class="trough" width="64" height="6" rx="3"/><rect class="fill" width="${coordinate(
    64 * value,
  )}" height="6" rx="3"/></svg>`;
}
