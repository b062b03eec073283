import { markup, type Markup } from '../../../text/index.js';
import type { EvaluationResult, MetricIntervals, MetricValues } from '../../evaluation-result.js';
import { groupBy, headlineOf, isShare, metricMeaning, metricParts, metricText } from '../metric.js';
import { scale, whisker } from './drawing.js';
import { intervalText, named, section } from './parts.js';

/** What `mask.AP` and the like are of; others are shown as they are. */
const subjects: Readonly<Record<string, string>> = { '': '', box: 'Boxes', mask: 'Masks', keypoints: 'Keypoints' };

/** All metrics as cards, the headline first and largest; those of masks and keypoints in groups of their own. */
export function metricSection({ task, metrics, intervals }: EvaluationResult): Markup {
  const names = Object.keys(metrics);
  if (names.length === 0) return section('metrics', 'Metrics', markup`<p class="muted">There was nothing to count.</p>`);
  const headline = headlineOf(task, [metrics]) as string;
  const groups = groupBy(names, (name) => metricParts(name).subject);
  return section(
    'metrics',
    'Metrics',
    [...groups].map(([subject, members]) => {
      const ordered = members.includes(headline) ? [headline, ...members.filter((name) => name !== headline)] : members;
      const title = Object.hasOwn(subjects, subject) ? subjects[subject] : subject;
      return markup`${title !== '' && title !== undefined && markup`<h3>${named(title)}</h3>`}
<ul class="cards">${ordered.map((name) => card(name, metrics, intervals, name === headline))}</ul>`;
    }),
    Object.keys(intervals).length > 0 && markup`Bands are 95 % intervals, by bootstrap over pictures; lines run from 0 to 1.`,
  );
}

function card(name: string, metrics: MetricValues, intervals: MetricIntervals, isHeadline: boolean): Markup {
  const value = metrics[name];
  const interval = intervals[name];
  const drawing =
    isShare(name, value) &&
    markup`<line class="track" x1="6" y1="7" x2="194" y2="7"/>${whisker(value, interval, scale(0, 1, 6, 194), 14)}`;
  return markup`
<li class="card${isHeadline && ' headline'}"><p class="name">${named(name)}</p><p class="meaning">${metricMeaning(name)}</p>
<p class="value">${metricText(name, value)}</p><svg class="whisker" viewBox="0 0 200 14" aria-hidden="true">${drawing}</svg><p class="interval">${
    interval === undefined ? markup`&nbsp;` : intervalText(name, interval)
  }</p></li>`;
}
