import { markup, type Markup } from '../../text/index.js';
import type { EvaluationResult } from '../evaluation-result.js';
import { classSection } from './html/class-section.js';
import { confusionSection } from './html/confusion-section.js';
import { curveSection } from './html/curve-section.js';
import { exampleSection } from './html/example-section.js';
import { metricSection } from './html/metric-section.js';
import { htmlPage, themeButton, type Sections } from './html/page.js';
import { named } from './html/parts.js';
import { failureSection, latencySection, setupSection } from './html/run-section.js';
import { sliceSection } from './html/slice-section.js';
import { countText, headlineOf, isNumber, metricText } from './metric.js';

const taskNames: Readonly<Record<EvaluationResult['task'], string>> = {
  classify: 'classification',
  detect: 'detection',
  segment: 'segmentation',
  track: 'tracking',
};

/**
 * An evaluation as one HTML file that needs nothing else: pictures are embedded, at most 48 and about 2 MB of them, the rest is drawn as SVG.
 * The page forbids itself all that is not in it, by a policy with hashes of its own style and script, and is well-formed XML.
 * Examples are read from their `path`; one that cannot be read is named in its place. Throws ABORTED.
 */
export async function htmlReport(
  result: EvaluationResult,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<string> {
  const sections: Sections = [
    ['metrics', 'Metrics', metricSection(result)],
    ['slices', 'Slices', sliceSection(result)],
    ['classes', 'Classes', classSection(result)],
    ['curves', 'Curves', curveSection(result)],
    ['confusion', 'Confusion', confusionSection(result)],
    ['examples', 'Examples', await exampleSection(result, signal)],
    ['latency', 'Latency', latencySection(result)],
    ['failures', 'Not evaluated', failureSection(result)],
    ['setup', 'Setup', setupSection(result)],
  ];
  const { task, model, dataset, foveate, made } = result;
  const title = `${model?.name ?? dataset.name}: ${taskNames[task]} evaluated`;
  return htmlPage({ title, foveate, made, heading: heading(result), sections });
}

function heading(result: EvaluationResult): Markup {
  const { task, model, dataset, metrics, intervals, failures } = result;
  const headline = headlineOf(task, [metrics]);
  const value = headline === undefined ? undefined : metrics[headline];
  const interval = headline === undefined ? undefined : intervals[headline];
  const found =
    headline !== undefined &&
    isNumber(value) &&
    markup` <b>${named(headline)} ${metricText(headline, value)}</b>${
      interval !== undefined && ` (95 %: ${interval.map((end) => metricText(headline, end)).join(' to ')})`
    }.`;
  return markup`<header>
<div class="top"><div><p class="kicker">Evaluation of ${taskNames[task]}</p>
<h1>${named(model?.name ?? dataset.name)}</h1>
<p class="lede">On ${model !== undefined && markup`<b>${named(dataset.name)}</b>: `}${countText(dataset.images)} pictures, ${countText(
    dataset.annotations,
  )} annotations.${found}</p></div>
${themeButton}</div>${
    failures.length > 0 &&
    markup`
<p class="alert" role="note">${countText(failures.length)} ${failures.length === 1 ? 'picture' : 'pictures'} could not be evaluated and ${
      failures.length === 1 ? 'is' : 'are'
    } not in these numbers: <a href="#failures">which, and why</a>.</p>`
  }
</header>`;
}
