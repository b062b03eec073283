/** What the verbs that measure are told in units. */
import { InvalidArgumentError } from 'commander';

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };

/** `5s`, `500ms`, `2m`, in milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)$/.exec(text) ?? [];
  const duration = Number(number) * (unitsMs[unit] ?? NaN);
  if (!(duration > 0)) throw new InvalidArgumentError('Expected a time with its unit, as 5s or 500ms.');
  return duration;
}

/** `1,2,4` */
export function parseIntegers(text: string): number[] {
  const parts = text.split(',').map((part) => part.trim());
  if (!parts.every((part) => /^\d+$/.test(part))) throw new InvalidArgumentError('Expected whole numbers, as in 1,2,4.');
  return parts.map(Number);
}

/** `images=3x640x640`, added to those before. */
export function parseShape(text: string, before: Readonly<Record<string, readonly number[]>> = {}): Record<string, number[]> {
  const [, name, sizes] = /^(.+)=(\d+(?:x\d+)*)$/.exec(text) ?? [];
  if (name === undefined || sizes === undefined) {
    throw new InvalidArgumentError('Expected the name of an input and the sizes of a sample, as in images=3x640x640.');
  }
  return { ...(before as Record<string, number[]>), [name]: sizes.split('x').map(Number) };
}

/** `1%` or `0.01`. */
export function parsePart(text: string): number {
  const [, number, isPercent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text) ?? [];
  const part = Number(number) / (isPercent === '%' ? 100 : 1);
  if (!(part < 1)) throw new InvalidArgumentError('Expected a part, as 1% or 0.01.');
  return part;
}
