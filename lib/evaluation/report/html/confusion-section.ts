import { markup, type Markup } from '../../../text/index.js';
import type { ConfusionCounts, EvaluationResult } from '../../evaluation-result.js';
import { countText, isNumber, shortened } from '../metric.js';
import { coordinate } from './drawing.js';
import { heatStep } from './palette.js';
import { named, numberCell, scrolled, section } from './parts.js';

/** With more classes there is no room for numbers, then none for names: classes that follow each other share a cell. */
const numberedClasses = 24;
const namedClasses = 100;
const blocks = 64;
const shownPairs = 20;
/** With more, the matrix takes the width of the page, and the pairs stand below it. */
const besideClasses = 12;

/** What is drawn: the matrix, or sums of its blocks. */
interface HeatMap {
  /** What is written beside a row and above a column; undefined where only some have a name. */
  readonly names: readonly (string | undefined)[];
  readonly counts: readonly (readonly number[])[];
  /** How many classes share a row. */
  readonly block: number;
}

/** The confusion matrix as a heat map, and the pairs that are confused most as a table. */
export function confusionSection({ task, confusion }: EvaluationResult): Markup | undefined {
  if (confusion === undefined || confusion.classes.length === 0) return undefined;
  const hasBackground = task === 'detect' && confusion.classes.length > 1;
  const map = heatMapOf(confusion, hasBackground);
  const note = [
    'Each row is shaded by its share of what is actually of the class: blue where it is right, orange where not. ',
    map.block > 1 ? `A square stands for ${map.block} classes that follow each other, in both directions. ` : '',
    hasBackground ? 'Actual background is what was found where nothing is; predicted background is what was missed.' : '',
  ];
  return section(
    'confusion',
    'Confusion',
    markup`<div class="confusion${map.names.length > besideClasses && ' wide'}">${scrolled('Confusion matrix', drawing(map, confusion.classes.length))}<div class="pairs">${pairTables(confusion, hasBackground)}</div></div>`,
    note,
  );
}

const countAt = ({ matrix }: ConfusionCounts, actual: number, predicted: number): number => {
  const count = matrix[actual]?.[predicted];
  return isNumber(count) ? count : 0;
};

/** Background is no class like the others: it keeps a row of its own. */
function heatMapOf(confusion: ConfusionCounts, hasBackground: boolean): HeatMap {
  const { classes } = confusion;
  const block = classes.length <= namedClasses ? 1 : Math.ceil(classes.length / blocks);
  const real = classes.length - (hasBackground ? 1 : 0);
  const size = Math.ceil(real / block) + (hasBackground ? 1 : 0);
  const blockOf = (index: number): number => (index < real ? Math.floor(index / block) : size - 1);
  const counts = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  classes.forEach((_, actual) => {
    const row = counts[blockOf(actual)] as number[];
    classes.forEach((__, predicted) => {
      row[blockOf(predicted)]! += countAt(confusion, actual, predicted);
    });
  });
  if (block === 1) return { names: classes.map((name) => shortened(name, 18)), counts, block };
  // Every eighth block bears the number of its first class.
  const names = counts.map((_, i) =>
    hasBackground && i === size - 1 ? classes[real] : i % 8 === 0 ? String(i * block + 1) : undefined,
  );
  return { names, counts, block };
}

function drawing({ names, counts, block }: HeatMap, classes: number): Markup {
  const size = names.length;
  const cell = Math.min(84, Math.max(9, Math.floor((size > numberedClasses ? 720 : 600) / size)));
  const font = block > 1 ? 11 : Math.min(12, cell);
  const longest = Math.max(...names.map((name = '') => name.length));
  const isFlat = cell >= 80 && longest <= 12;
  const gutter = 34 + longest * font * 0.6;
  const head = isFlat ? 46 : gutter;
  const side = size * cell;
  const [width, height] = [gutter + side + 8, head + side + 8];
  const told = names.flatMap((name, i) => (name === undefined ? [] : [{ name, at: (i + 0.5) * cell }]));
  const label = `Heat map of ${classes} x ${classes} classes, actual by predicted; the table beside it has the numbers that matter.`;
  return markup`<svg class="heat" viewBox="0 0 ${coordinate(width)} ${coordinate(height)}" width="${coordinate(width)}" height="${coordinate(height)}" role="img" aria-label="${label}">
<text class="axis" x="${coordinate(gutter + side / 2)}" y="14" text-anchor="middle">predicted${block > 1 && ' (number of the class)'}</text>
<text class="axis" transform="translate(14 ${coordinate(head + side / 2)}) rotate(-90)" text-anchor="middle">actual</text>
${told.map(
  ({ name, at }) =>
    markup`<text class="label" font-size="${font}" x="${coordinate(gutter - 6)}" y="${coordinate(head + at + font * 0.35)}" text-anchor="end">${name}</text>${
      isFlat
        ? markup`<text class="label" font-size="${font}" x="${coordinate(gutter + at)}" y="${coordinate(head - 8)}" text-anchor="middle">${name}</text>`
        : markup`<text class="label" font-size="${font}" transform="translate(${coordinate(gutter + at + font * 0.35)} ${coordinate(head - 6)}) rotate(-90)">${name}</text>`
    }`,
)}<g transform="translate(${coordinate(gutter)} ${coordinate(head)})"><rect class="floor" width="${side}" height="${side}"/>${squares(counts, cell)}${
    size <= numberedClasses && numbers(counts, cell)
  }</g></svg>`;
}

/** The step of a cell, and whether it is on the diagonal. */
function shade(counts: HeatMap['counts'], actual: number, predicted: number): string | undefined {
  const row = counts[actual] as readonly number[];
  const step = heatStep((row[predicted] as number) / row.reduce((sum, count) => sum + count, 0));
  return step === 0 ? undefined : `${actual === predicted ? 'right' : 'wrong'}${step}`;
}

/** One path for all cells of a shade: a thousand cells weigh as little as they can. */
function squares(counts: HeatMap['counts'], cell: number): Markup[] {
  const gap = cell > 16 ? 1 : 0;
  const edge = cell - gap;
  const paths = new Map<string, string[]>();
  counts.forEach((row, actual) => {
    row.forEach((_, predicted) => {
      const name = shade(counts, actual, predicted);
      if (name === undefined) return;
      const path = paths.get(name) ?? [];
      path.push(`M${predicted * cell} ${actual * cell}h${edge}v${edge}h-${edge}z`);
      paths.set(name, path);
    });
  });
  return [...paths].map(([name, path]) => markup`<path class="${name}" d="${path.join('')}"/>`);
}

function numbers(counts: HeatMap['counts'], cell: number): Markup[] {
  const font = Math.min(15, Math.max(9, Math.round(cell * 0.34)));
  return counts.flatMap((row, actual) =>
    row.flatMap((count, predicted) => {
      if (count === 0) return [];
      const [cx, cy] = [(predicted + 0.5) * cell, (actual + 0.5) * cell + font * 0.35];
      const name = shade(counts, actual, predicted);
      return [
        markup`<text class="${name === undefined ? 'label' : `on-${name}`}" font-size="${font}" x="${coordinate(cx)}" y="${coordinate(cy)}" text-anchor="middle">${compact(count, cell)}</text>`,
      ];
    }),
  );
}

/** A count that fits into its cell. */
function compact(count: number, cell: number): string {
  if (cell >= 56 || count < 10_000) return cell >= 56 ? countText(count) : String(count);
  return count < 1e6 ? `${Math.round(count / 1000)}k` : `${Math.round(count / 1e6)}M`;
}

interface Pair {
  readonly actual: number;
  readonly predicted: number;
  readonly count: number;
  /** Of what is actually of the class. */
  readonly share: number;
}

/** What was taken for what; what was missed or found where nothing is stands apart, as it would hide the rest. */
function pairTables(confusion: ConfusionCounts, hasBackground: boolean): Markup[] {
  const { classes } = confusion;
  const pairs = classes.flatMap((_, actual) => {
    const counts = classes.map((__, predicted) => countAt(confusion, actual, predicted));
    const total = counts.reduce((sum, count) => sum + count, 0);
    return counts.flatMap((count, predicted): Pair[] =>
      count > 0 && predicted !== actual ? [{ actual, predicted, count, share: count / total }] : [],
    );
  });
  const background = hasBackground ? classes.length - 1 : -1;
  const isOfBackground = ({ actual, predicted }: Pair): boolean => actual === background || predicted === background;
  const confused = pairs.filter((pair) => !isOfBackground(pair));
  return [
    ...(confused.length === 0
      ? [markup`<p class="muted">No class was taken for another.</p>`]
      : [pairTable('Most confused', classes, confused, hasBackground ? shownPairs / 2 : shownPairs)]),
    ...(hasBackground && confused.length < pairs.length
      ? [pairTable('Most missed or invented', classes, pairs.filter(isOfBackground), shownPairs / 2)]
      : []),
  ];
}

function pairTable(title: string, classes: readonly string[], pairs: readonly Pair[], limit: number): Markup {
  const worst = pairs.toSorted((a, b) => b.count - a.count).slice(0, limit);
  const table = markup`<table data-sortable=""><caption>${title}${pairs.length > limit && `: ${limit} of ${countText(pairs.length)} pairs`}</caption>
<thead><tr><th scope="col">Actual</th><th scope="col">Predicted</th><th scope="col" class="number">Count</th><th scope="col" class="number">Of actual</th></tr></thead>
<tbody>${worst.map(
    ({ actual, predicted, count, share }) => markup`
<tr><td>${named(classes[actual] as string)}</td><td>${named(classes[predicted] as string)}</td>${numberCell(countText(count), count)}${numberCell(
      `${(100 * share).toFixed(1)} %`,
      share,
    )}</tr>`,
  )}</tbody></table>`;
  return scrolled(title, table);
}
