import { InvalidArgumentError, Option } from 'commander';

import type { Budget } from '../optimize/search/budget.js';
import { parsePart } from './measuring-options.js';

/** Limits as they are typed. */
export interface BudgetOptionValues {
  readonly maxDrop?: number;
  readonly targetLatency?: number;
  readonly targetFps?: number;
  readonly targetSize?: number;
}

export const budgetOptionNames = ['maxDrop', 'targetLatency', 'targetFps', 'targetSize'] as const;

const sizes: Readonly<Record<string, number>> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 };

export function budgetOptions(): Option[] {
  return [
    new Option('--max-drop <part>', 'how much may be lost, such as 1% or 0.01; what has to stay float is searched for').argParser(
      parsePart,
    ),
    new Option('--target-latency <ms>', 'of a picture on ONNX Runtime, such as 20ms').argParser(parseMilliseconds),
    new Option('--target-fps <n>', 'pictures in a second on ONNX Runtime, one after the other')
      .argParser(parsePositive)
      .conflicts('targetLatency'),
    new Option('--target-size <size>', "of each form's file, such as 5MB").argParser(parseSize),
  ];
}

/** undefined where there is none. */
export function budgetOf({ maxDrop, targetLatency, targetFps, targetSize }: BudgetOptionValues): Budget | undefined {
  const latencyMs = targetFps === undefined ? targetLatency : 1000 / targetFps;
  if (maxDrop === undefined && latencyMs === undefined && targetSize === undefined) return undefined;
  return { maxDrop, latencyMs, bytes: targetSize };
}

function parseMilliseconds(text: string): number {
  const [, number] = /^(\d+(?:\.\d+)?)\s*(?:ms)?$/.exec(text) ?? [];
  if (!(Number(number) > 0)) throw new InvalidArgumentError('Expected milliseconds, as 20 or 20ms.');
  return Number(number);
}

function parsePositive(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text) || !(Number(text) > 0)) throw new InvalidArgumentError('Expected a number above 0.');
  return Number(text);
}

function parseSize(text: string): number {
  const [, number, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*([a-z]+)?$/i.exec(text) ?? [];
  const bytes = Number(number) * (sizes[unit.toUpperCase()] ?? NaN);
  if (!(bytes > 0)) throw new InvalidArgumentError('Expected a size, as 5MB or 500KB.');
  return bytes;
}
