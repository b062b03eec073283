import { createHash } from 'node:crypto';

import { asMarkup, markup, type Markup } from '../../text/index.js';
import type { EvaluationResult } from '../evaluation-result.js';
import { classSection } from './html/class-section.js';
import { confusionSection } from './html/confusion-section.js';
import { curveSection } from './html/curve-section.js';
import { exampleSection } from './html/example-section.js';
import { metricSection } from './html/metric-section.js';
import { named } from './html/parts.js';
import { failureSection, latencySection, setupSection } from './html/run-section.js';
import { script } from './html/script.js';
import { sliceSection } from './html/slice-section.js';
import { style } from './html/style.js';
import { countText, headlineOf, isNumber, metricText, shortened } from './metric.js';

/** Sections in their order, by the names that the list at the top has for them. */
type Sections = readonly (readonly [id: string, name: string, body: Markup | undefined])[];

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
  return page(
    result,
    sections.filter(([, , body]) => body !== undefined),
  ).toString();
}

function page(result: EvaluationResult, sections: Sections): Markup {
  const { task, model, dataset, foveate } = result;
  const title = `${model?.name ?? dataset.name}: ${taskNames[task]} evaluated`;
  return markup`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="${policy}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="generator" content="foveate ${foveate}"/>
<title>${shortened(title, 120)}</title>
<style>${asMarkup(style)}</style>
</head>
<body>
${heading(result)}
<nav aria-label="Sections"><ul>${sections.map(([id, name]) => markup`<li><a href="#${id}">${name}</a></li>`)}</ul></nav>
<main>${sections.map(([, , body]) => body)}
</main>
<footer>Made by foveate ${foveate}, ${madeAt(result.made)}.</footer>
<script>${asMarkup(script)}</script>
</body>
</html>
`;
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
<button type="button" id="theme" title="Change the colours" data-needs-script="" hidden="">Dark</button></div>${
    failures.length > 0 &&
    markup`
<p class="alert" role="note">${countText(failures.length)} ${failures.length === 1 ? 'picture' : 'pictures'} could not be evaluated and ${
      failures.length === 1 ? 'is' : 'are'
    } not in these numbers: <a href="#failures">which, and why</a>.</p>`
  }
</header>`;
}

/** A time in UTC, as people read it; as it was given where it is none. */
function madeAt(made: string): Markup {
  const time = new Date(made);
  if (Number.isNaN(time.getTime())) return markup`${shortened(made, 40)}`;
  const iso = time.toISOString();
  return markup`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;
}

const hashOf = (text: string): string => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing is loaded, and no style or script runs but the page's own: not even one that stood in a name. */
const policy = `default-src 'none'; img-src data:; style-src ${hashOf(style)}; script-src ${hashOf(script)}; base-uri 'none'; form-action 'none'`;
