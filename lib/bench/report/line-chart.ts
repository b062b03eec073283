/** Charts of lines as an SVG that stands for itself. */
import { coordinate, scale } from '../../evaluation/report/html/drawing.js';
import { asMarkup, markup, type Markup } from '../../text/index.js';
import { numberText } from './words.js';

export interface ChartPoint {
  readonly x: number;
  /** null leaves a gap. */
  readonly y: number | null;
  /** Drawn as a bar around the point. */
  readonly range?: readonly [low: number, high: number] | undefined;
}

export interface ChartLine {
  readonly name: string;
  readonly points: readonly ChartPoint[];
  readonly dashed?: boolean | undefined;
}

export interface ChartPanel {
  readonly title: string;
  readonly xTitle: string;
  /** Where the x axis is marked, and with what. */
  readonly xTicks: readonly { readonly x: number; readonly text: string }[];
  readonly lines: readonly ChartLine[];
}

const [width, height] = [860, 300];
const [left, right, top, bottom] = [64, 640, 40, 250];
const legendAt = right + 20;
/** Told apart by those who see few colours. */
const colors = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#666666'] as const;

const style = `
text{font:12px system-ui,sans-serif;fill:#333}
.title{font-size:14px;font-weight:600}
.grid{stroke:#ddd}
.axis{stroke:#888}
polyline{fill:none;stroke-width:2}
`;

/** Panels below one another. Every y axis begins at 0. */
export function lineChart(label: string, panels: readonly ChartPanel[]): string {
  const all = panels.length * height;
  const drawn = panels.map((panel, i) => markup`<g transform="translate(0 ${i * height})">${drawPanel(panel)}</g>`);
  return `${markup`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${all}" width="${width}" height="${all}" role="img" aria-label="${label}"><style>${asMarkup(style)}</style><rect width="${width}" height="${all}" fill="#fff"/>${drawn}</svg>`}\n`;
}

function drawPanel({ title, xTitle, xTicks, lines }: ChartPanel): Markup {
  const points = lines.flatMap((line) => line.points);
  const xs = [...points.map(({ x }) => x), ...xTicks.map((tick) => tick.x)];
  const ys = points.flatMap(({ y, range }) => [...(y === null ? [] : [y]), ...(range ?? [])]);
  const [least, most] = [Math.min(...xs), Math.max(...xs)];
  const step = tickStep(ys.reduce((highest, y) => Math.max(highest, y), 0));
  const steps = Math.max(1, Math.ceil(ys.reduce((highest, y) => Math.max(highest, y), 0) / step));
  const x = scale(least, most, left + 12, right - 12);
  const y = scale(0, steps * step, bottom, top);
  const grid = Array.from({ length: steps + 1 }, (_, i) => {
    const at = coordinate(y(i * step));
    return markup`<line class="grid" x1="${left}" y1="${at}" x2="${right}" y2="${at}"/><text x="${left - 8}" y="${coordinate(y(i * step) + 4)}" text-anchor="end">${numberText(i * step)}</text>`;
  });
  const ticks = xTicks.map(
    (tick) => markup`<text x="${coordinate(x(tick.x))}" y="${bottom + 18}" text-anchor="middle">${tick.text}</text>`,
  );
  return markup`<text class="title" x="${left}" y="22">${title}</text>${grid}${ticks}<line class="axis" x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}"/><text x="${(left + right) / 2}" y="${bottom + 38}" text-anchor="middle">${xTitle}</text>${lines.map(
    (line, i) => drawLine(line, i, x, y),
  )}`;
}

type Axis = (value: number) => number;

function drawLine({ name, points, dashed }: ChartLine, place: number, x: Axis, y: Axis): Markup {
  const color = colors[place % colors.length] as string;
  const dash = dashed === true && markup` stroke-dasharray="6 4"`;
  const legendY = top + 10 + 18 * place;
  return markup`${runsOf(points).map(
    (run) =>
      markup`<polyline stroke="${color}"${dash} points="${run.map((point) => `${coordinate(x(point.x))},${coordinate(y(point.y))}`).join(' ')}"/>`,
  )}${points.map((point) => drawPoint(point, color, x, y))}<line x1="${legendAt}" y1="${legendY - 4}" x2="${legendAt + 20}" y2="${legendY - 4}" stroke="${color}" stroke-width="2"${dash}/><text x="${legendAt + 26}" y="${legendY}">${name}</text>`;
}

function drawPoint({ x: at, y: value, range }: ChartPoint, color: string, x: Axis, y: Axis): Markup | undefined {
  if (value === null) return undefined;
  const middle = coordinate(x(at));
  const bar =
    range &&
    markup`<line x1="${middle}" y1="${coordinate(y(range[0]))}" x2="${middle}" y2="${coordinate(y(range[1]))}" stroke="${color}"/>`;
  return markup`${bar}<circle cx="${middle}" cy="${coordinate(y(value))}" r="2.5" fill="${color}"/>`;
}

/** The points between gaps. */
function runsOf(points: readonly ChartPoint[]): { readonly x: number; readonly y: number }[][] {
  const runs: { x: number; y: number }[][] = [[]];
  for (const { x, y } of points) {
    if (y === null) runs.push([]);
    else (runs.at(-1) as { x: number; y: number }[]).push({ x, y });
  }
  return runs.filter((run) => run.length > 0);
}

/** 1, 2 or 5 times a power of ten, so that an axis has about four marks. */
function tickStep(most: number): number {
  if (!(most > 0)) return 1;
  const rough = most / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const digit = [1, 2, 5, 10].find((candidate) => candidate * power >= rough) ?? 10;
  return digit * power;
}
