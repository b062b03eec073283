import { packageVersion } from '../../binding/index.js';
import { coordinate, scale } from '../../evaluation/report/html/drawing.js';
import { htmlPage, themeButton } from '../../evaluation/report/html/page.js';
import { named, numberCell, scrolled, section } from '../../evaluation/report/html/parts.js';
import { markup, type Markup } from '../../text/index.js';
import { divergingLine } from './comparison-table.js';
import type { ComparedLayer, ModelComparison } from './model-comparison.js';
import { decibelText, smallText } from './verdicts.js';

/** Of the plot: what has more is drawn on its upper edge, what has less on the lower. In dB. */
const [highest, lowest] = [80, -10];
/** Circles beyond that would only cover one another. */
const mostDots = 2000;

/** A comparison as one HTML file that needs nothing else: verdicts, a plot of the layers, and a table of them that can be sorted. `made`: when, as ISO 8601. */
export function comparisonHtml(comparison: ModelComparison, made: string): string {
  const { a, b } = comparison;
  return htmlPage({
    title: `${b.name} compared with ${a.name}`,
    foveate: packageVersion,
    made,
    heading: heading(comparison),
    sections: [
      ['verdicts', 'Verdicts', verdictSection(comparison)],
      ['layers', 'Layers', layerSection(comparison)],
      ['outputs', 'Outputs', outputSection(comparison)],
      ['results', 'Results', resultSection(comparison)],
      ['table', 'All layers', tableSection(comparison)],
    ],
  });
}

function heading({ a, b, inputs, layers, passed, notices }: ModelComparison): Markup {
  const kind = inputs.kind === 'random' ? 'random inputs' : 'pictures';
  return markup`<header>
<div class="top"><div><p class="kicker">Comparison of two models</p>
<h1>${named(b.name)}</h1>
<p class="lede">With <b>${named(a.name)}</b>, on ${inputs.count} ${kind}. <b>${passed ? 'Within the limits' : 'Beyond the limits'}.</b> ${divergingLine(layers)}</p></div>
${themeButton}</div>${notices.map((notice) => markup`<p class="alert" role="note">${notice}</p>`)}
</header>`;
}

function verdictSection({ verdicts }: ModelComparison): Markup | undefined {
  if (verdicts.length === 0) return undefined;
  const rows = verdicts.map(
    ({ name, passed, message }) => markup`
<tr${!passed && markup` class="notable"`}><th scope="row">${named(name)}</th><td><span class="tag">${passed ? 'within' : 'beyond'}</span></td><td>${message}</td></tr>`,
  );
  return section('verdicts', 'Verdicts', scrolled('Verdicts', markup`<table><tbody>${rows}</tbody></table>`));
}

function outputSection({ outputs }: ModelComparison): Markup | undefined {
  if (outputs.length === 0) return undefined;
  const rows = outputs.map(({ name, difference }) => {
    if (difference === undefined)
      return markup`<tr><th scope="row">${named(name)}</th><td colspan="4">cannot be compared</td></tr>`;
    const { snrDb, worstChannel, largestDifference, cosine } = difference;
    return markup`
<tr><th scope="row">${named(name)}</th>${numberCell(decibelText(snrDb), snrDb)}${numberCell(
      worstChannel === undefined ? '' : `${decibelText(worstChannel.snrDb)} (${worstChannel.channel})`,
      worstChannel?.snrDb,
    )}${numberCell(smallText(largestDifference), largestDifference)}${numberCell(cosine.toFixed(5), cosine)}</tr>`;
  });
  const table = markup`<table><thead><tr><th scope="col">Output</th><th scope="col" class="number">SNR</th><th scope="col" class="number">Worst channel</th>
<th scope="col" class="number">Largest difference</th><th scope="col" class="number">Cosine</th></tr></thead><tbody>${rows}</tbody></table>`;
  return section('outputs', 'Outputs', scrolled('Outputs', table), 'Of both models as shipped.');
}

function resultSection({ agreement }: ModelComparison): Markup | undefined {
  if (agreement === undefined) return undefined;
  const rows = agreement.metrics.map(
    ({ name, value, interval }) => markup`
<tr><th scope="row">${named(name)}</th>${numberCell(value === null ? '' : value.toFixed(3), value)}<td class="interval">${
      interval?.map((end) => end.toFixed(3)).join(' to ') ?? ''
    }</td></tr>`,
  );
  const table = markup`<table><thead><tr><th scope="col">Agreement</th><th scope="col" class="number">Value</th><th scope="col">95 %</th></tr></thead><tbody>${rows}</tbody></table>`;
  return section(
    'results',
    'Results',
    scrolled('Results', table),
    `Of both models as shipped, on ${agreement.pictures} pictures.`,
  );
}

const [left, top, right, bottom] = [52, 12, 1108, 300];

/** The signal to noise ratio of each layer in A's order: a sharp drop between neighbours is where to look. */
function layerSection({ layers }: ModelComparison): Markup | undefined {
  const { compared, firstDiverging, optimization, left: leftOut } = layers;
  if (compared.length === 0) return undefined;
  const x = scale(0, Math.max(1, compared.length - 1), left, right);
  const y = scale(lowest, highest, bottom, top);
  const heightOf = ({ snrDb }: ComparedLayer): number =>
    y(Math.min(highest, Math.max(lowest, Number.isNaN(snrDb) ? lowest : snrDb)));
  const line = compared.map((layer, i) => `${i === 0 ? 'M' : 'L'}${coordinate(x(i))} ${coordinate(heightOf(layer))}`).join('');
  const ticks = [0, 20, 40, 60, 80].map(
    (tick) => markup`<line class="grid" x1="${left}" y1="${coordinate(y(tick))}" x2="${right}" y2="${coordinate(y(tick))}"/>
<text class="tick" x="${left - 8}" y="${coordinate(y(tick) + 4)}" text-anchor="end">${tick}</text>`,
  );
  const dots = compared
    .slice(0, mostDots)
    .map(
      (layer, i) =>
        markup`<circle class="dot" cx="${coordinate(x(i))}" cy="${coordinate(heightOf(layer))}" r="${
          layer === firstDiverging ? 6 : 2
        }"><title>${layer.operator} ${layer.node}: ${decibelText(layer.snrDb)}</title></circle>`,
    );
  const plot = markup`<svg viewBox="0 0 1120 316" role="img" aria-label="Signal to noise ratio in dB of ${compared.length} layers in their order"><g>${ticks}</g>
<path class="overall" fill="none" d="${line}"/>${dots}</svg>`;
  const how = optimization === 'disabled' ? 'Run without optimizations' : 'Fused, as shipped';
  const rest = leftOut.map(({ reason, count }) => `, ${count} ${reason}`).join('');
  const note = `${how}: signal to noise ratio in dB of each, in A's order; ${compared.length} compared${rest}. The first that diverges is the large dot.`;
  return section('layers', 'Layers', plot, note);
}

function tableSection({ layers }: ModelComparison): Markup | undefined {
  if (layers.compared.length === 0) return undefined;
  const rows = layers.compared.map((layer, i) => {
    const { operator, node, value, inputs, snrDb, worstChannel, largestDifference, largestRelative, cosine } = layer;
    const before = inputs.length === 0 ? undefined : Math.min(...inputs.map((input) => input.snrDb));
    return markup`
<tr${layer === layers.firstDiverging && markup` class="notable"`}>${numberCell(String(i + 1), i + 1)}<th scope="row">${named(node)}</th><td>${operator}</td><td>${named(value)}</td>${decibelCell(before)}${decibelCell(snrDb)}${decibelCell(
      worstChannel?.snrDb,
    )}${numberCell(smallText(layer.addedNoise), layer.addedNoise)}${numberCell(smallText(largestDifference), largestDifference)}${numberCell(
      smallText(largestRelative),
      largestRelative,
    )}${numberCell(Number.isNaN(cosine) ? '' : cosine.toFixed(5), cosine)}</tr>`;
  });
  const numbers = ['Inputs', 'SNR', 'Worst channel', 'Added noise', 'Largest difference', 'Relative', 'Cosine'];
  const table = markup`<table data-sortable=""><caption class="unseen">Layers in A's order</caption>
<thead><tr><th scope="col" class="number">No.</th><th scope="col">Node</th><th scope="col">Operator</th><th scope="col">Value</th>${numbers.map(
    (name) => markup`<th scope="col" class="number">${name}</th>`,
  )}</tr></thead><tbody>${rows}</tbody></table>`;
  return section('table', 'All layers', scrolled('All layers', table, true));
}

/** What is the same in both is sorted above all that is not. */
function decibelCell(snrDb: number | undefined): Markup {
  if (snrDb === undefined) return markup`<td class="number" data-value=""></td>`;
  const place = Number.isNaN(snrDb) ? undefined : Math.min(9999, Math.max(-9999, snrDb));
  return numberCell(decibelText(snrDb), place);
}
