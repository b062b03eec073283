/** All layers side by side: what is quantised, how much that hurts, how far outputs reach, where the work is. */
import { coordinate, scale } from '../../evaluation/report/html/drawing.js';
import { isNumber, shortened } from '../../evaluation/report/metric.js';
import { markup, type Markup } from '../../text/index.js';
import { precisionTitles, worstNoise, worstNoiseDb, type QuantizedLayer } from '../quantized-layer.js';
import { shortNumber } from './form-rows.js';

const left = 96;
const plotWidth = 940;
/** A layer is at least so wide: of more layers, the drawing becomes wider and is scrolled. */
const leastStep = 4;
const mostStep = 40;

const bandTop = 8;
const noise = { top: 100, bottom: 230 };
const range = { top: 272, bottom: 392 };
const work = { top: 434, bottom: 494 };
const height = 522;

/** Labels that are closer would overlap. */
const leastTickGap = 14;

/** How the drawing is laid out along the layers. */
interface Columns {
  readonly count: number;
  readonly step: number;
  readonly right: number;
  /** The middle of a layer's place. */
  readonly x: (place: number) => number;
}

/** Four panels over one axis: the layers in the order of the graph. */
export function layerPlot(layers: readonly QuantizedLayer[]): Markup {
  const step = Math.min(mostStep, Math.max(leastStep, plotWidth / layers.length));
  const right = left + step * layers.length;
  const columns: Columns = { count: layers.length, step, right, x: (place) => left + step * (place + 0.5) };
  const width = Math.ceil(Math.max(right + 24, left + plotWidth + 24));
  const panels = [
    bands(layers, columns),
    noisePanel(layers, columns),
    rangePanel(layers, columns),
    workPanel(layers, columns),
    axis(columns),
  ];
  const isWide = right > left + plotWidth + 1;
  return markup`<div class="plot-frame" role="region" tabindex="0" aria-label="Plots of the layers"><svg${
    isWide && markup` class="wide" width="${width}"`
  } viewBox="0 0 ${width} ${height}" role="img" aria-label="Precision, noise, range and work of each layer; the table below has the numbers">${panels}</svg></div>`;
}

function bands(layers: readonly QuantizedLayer[], { step, x }: Columns): Markup {
  const row = (form: 'onnxruntime' | 'tensorrt', title: string, y: number): Markup =>
    markup`<text class="tick" x="${left - 10}" y="${y + 13}" text-anchor="end">${title}</text>${layers.map(
      ({ precision, name }, place) =>
        markup`<rect class="cell-${precision[form]}" x="${coordinate(x(place) - step / 2)}" y="${y}" width="${coordinate(
          Math.max(step - 1, 1),
        )}" height="18"><title>${label(place, name)}: ${precisionTitles[precision[form]]}</title></rect>`,
    )}`;
  const low = [...new Set(layers.flatMap(({ precision }) => Object.values(precision)))].filter((one) => one !== 'float32');
  const legend = [...(low.length === 0 ? (['int8'] as const) : low), 'float32' as const].map((one, place) => ({
    one,
    x: left + 58 * place,
  }));
  return markup`${row('onnxruntime', 'ONNX Runtime', bandTop)}${row('tensorrt', 'TensorRT', bandTop + 22)}${legend.map(
    ({ one, x: at }) =>
      markup`<rect class="cell-${one}" x="${at}" y="${bandTop + 44}" width="9" height="9" rx="2"/><text class="tick" x="${at + 14}" y="${bandTop + 53}">${precisionTitles[one]}</text>`,
  )}`;
}

function noisePanel(layers: readonly QuantizedLayer[], { step, x, right }: Columns): Markup | undefined {
  const values = layers.flatMap((layer) => worstNoiseDb(layer) ?? []);
  if (values.length === 0) return undefined;
  const most = Math.max(20, ...values);
  const least = Math.min(0, ...values);
  const y = scale(least, most, noise.bottom, noise.top);
  const every = most - least > 60 ? 20 : 10;
  const ticks: number[] = [];
  for (let tick = Math.ceil(least / every) * every; tick <= most; tick += every) ticks.push(tick);
  return markup`${title('Signal to noise, dB', noise.top)}${ticks.map((tick) => gridLine(y(tick), String(tick), right))}${layers.map(
    (layer, place) => {
      const { precision, name } = layer;
      const worst = worstNoise(layer);
      if (worst === undefined) return undefined;
      const noiseDb = worst.db;
      const kind = precision[worst.form];
      return markup`<line class="stem-${kind}" x1="${coordinate(x(place))}" y1="${coordinate(y(least))}" x2="${coordinate(
        x(place),
      )}" y2="${coordinate(y(noiseDb))}" stroke-width="${coordinate(Math.min(2, step / 3))}"/><circle class="cell-${kind}" cx="${coordinate(x(place))}" cy="${coordinate(
        y(noiseDb),
      )}" r="${coordinate(Math.min(3.5, Math.max(1.6, step / 3)))}"><title>${label(place, name)}: ${noiseDb.toFixed(1)} dB</title></circle>`;
    },
  )}`;
}

/** By the inverse hyperbolic sine: linear around 0, logarithmic beyond, so that a few outputs that reach far do not hide all others. */
function rangePanel(layers: readonly QuantizedLayer[], { step, x, right }: Columns): Markup | undefined {
  const ranges = layers.flatMap(({ range }) => (range === undefined ? [] : [range]));
  if (ranges.length === 0) return undefined;
  const least = Math.min(0, ...ranges.map(({ min }) => min));
  const most = Math.max(0, ...ranges.map(({ max }) => max));
  const along = scale(Math.asinh(least), Math.asinh(most), range.bottom, range.top);
  const y = (value: number): number => along(Math.asinh(value));
  const ticks = [0, 1, 10, 100, 1e3, 1e4, 1e5].flatMap((tick) => (tick === 0 ? [0] : [-tick, tick]));
  const shown: number[] = [];
  for (const tick of ticks) {
    const isApart = shown.every((other) => Math.abs(y(tick) - y(other)) >= leastTickGap);
    if (tick >= least && tick <= most && isApart) shown.push(tick);
  }
  return markup`${title('Range of the output', range.top)}${shown.map((tick) => gridLine(y(tick), shortNumber(tick), right))}${layers.map(
    ({ range: ends, name }, place) =>
      ends !== undefined &&
      markup`<line class="span" x1="${coordinate(x(place))}" y1="${coordinate(y(ends.min))}" x2="${coordinate(x(place))}" y2="${coordinate(
        y(ends.max),
      )}" stroke-width="${coordinate(Math.min(8, Math.max(1.5, step * 0.6)))}"><title>${label(place, name)}: ${shortNumber(ends.min)} to ${shortNumber(ends.max)}</title></line>`,
  )}`;
}

function workPanel(layers: readonly QuantizedLayer[], { step, x, right }: Columns): Markup | undefined {
  const all = layers.reduce((sum, { macs }) => sum + (macs ?? 0), 0);
  if (all === 0) return undefined;
  const most = Math.max(...layers.map(({ macs }) => (macs ?? 0) / all));
  const y = scale(0, most, work.bottom, work.top);
  const text = (share: number): string => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
  return markup`${title('Share of the work (MACs)', work.top)}${[0, most].map((tick) => gridLine(y(tick), text(tick), right))}${layers.map(
    ({ macs, name }, place) =>
      isNumber(macs) &&
      macs > 0 &&
      markup`<rect class="macs" x="${coordinate(x(place) - step / 2)}" y="${coordinate(y(macs / all))}" width="${coordinate(
        Math.max(step - 1, 1),
      )}" height="${coordinate(work.bottom - y(macs / all))}"><title>${label(place, name)}: ${text(macs / all)}</title></rect>`,
  )}`;
}

function title(text: string, top: number): Markup {
  return markup`<text class="plot-title" x="${left}" y="${top - 10}">${text}</text>`;
}

function gridLine(y: number, text: string, right: number): Markup {
  return markup`<line class="grid" x1="${left}" y1="${coordinate(y)}" x2="${coordinate(right)}" y2="${coordinate(y)}"/><text class="tick" x="${left - 8}" y="${coordinate(
    y + 4,
  )}" text-anchor="end">${text}</text>`;
}

/** Numbers of layers, as the table has them. */
function axis({ count, step, x }: Columns): Markup {
  const every = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((one) => one * step >= 36) ?? 1000;
  const places: number[] = [];
  for (let place = 0; place < count; place += every) places.push(place === 0 ? 0 : place - 1);
  return markup`${places.map(
    (place) =>
      markup`<text class="tick" x="${coordinate(x(place))}" y="${work.bottom + 18}" text-anchor="middle">${place + 1}</text>`,
  )}`;
}

function label(place: number, name: string): string {
  return `${place + 1} ${shortened(name, 100)}`;
}
