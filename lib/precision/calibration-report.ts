import { alignRows, printable, type Cell } from '../text/index.js';
import type { CalibrationContents } from './calibration-table.js';
import type { ChannelStatistics, TensorStatistics } from './tensor-statistics.js';

/** Of the elements, so many lie within what the column tells. */
const shownPart = 0.9999;

/** A calibration table for people. */
export function tableLines(table: CalibrationContents): string[] {
  const { model, pictures, wanted, seed, tensors, doubts, foveate, preprocess } = table;
  const { fit, width, height, color, scale, mean, std } = preprocess;
  const missing = pictures.length < wanted ? ` of ${wanted}: interrupted, goes on with --resume` : '';
  const rows: Cell[][] = [
    ['tensor', ...['min', 'max', `${shownPart * 100} %`, 'bins', 'non-finite', 'dead'].map((number) => ({ number }))],
    ...tensors.map((tensor) => [tensor.name, ...numbersOf(tensor).map((number) => ({ number }))]),
  ];
  return [
    printable(`Calibration of ${model.name}, SHA-256 ${model.sha256.slice(0, 12)}, by foveate ${foveate}`),
    `  pictures    ${pictures.length}${missing}${seed === undefined ? '' : `, seed ${seed}`}`,
    `  preprocess  ${fit} to ${width} x ${height}, ${color}, scale ${scale === 1 / 255 ? '1/255' : scale}, mean ${mean.join(' ')}, std ${std.join(' ')}`,
    ...doubts.map(({ message }) => printable(`  forced      ${message}`)),
    '',
    ...alignRows(rows),
  ];
}

function numbersOf(tensor: TensorStatistics): string[] {
  const { count, nonFinite, min, max, histogram, channels } = tensor;
  const range = count === 0 ? ['-', '-', '-'] : [min, max, percentileOf(tensor, shownPart)].map(shortNumber);
  const used = histogram.counts.reduce((total, bin) => total + (bin > 0 ? 1 : 0), 0);
  const dead = channels === undefined ? '-' : `${deadChannels(channels)}/${channels.min.length}`;
  return [...range, String(used), String(nonFinite), dead];
}

/** The magnitude that so large a part of the elements does not exceed, to the width of a bin. */
export function percentileOf({ count, min, max, histogram }: TensorStatistics, part: number): number {
  const { exponent, first, counts } = histogram;
  const width = 2 ** exponent;
  const highest = Math.max(Math.abs(min), Math.abs(max));
  let beyond = count * (1 - part);
  let low = 0;
  let high = counts.length - 1;
  // From outside in: always the side that reaches further.
  while (low <= high) {
    const lower = -(first + low) * width;
    const upper = (first + high + 1) * width;
    const outermost = lower > upper ? low : high;
    beyond -= counts[outermost] as number;
    if (beyond < 0) return Math.min(highest, Math.max(lower, upper));
    if (outermost === low) low++;
    else high--;
  }
  return 0;
}

/** How many channels never changed. */
export function deadChannels({ min, max }: ChannelStatistics): number {
  return min.reduce((dead, value, channel) => dead + (value === max[channel] ? 1 : 0), 0);
}

function shortNumber(value: number): string {
  return Number(value.toPrecision(4)).toString();
}
