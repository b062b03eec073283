import type { Attributes, SourcePlace } from './dataset.js';
import { invalidAt, unexpected, within } from './source-place.js';

/**
 * Checks of values that were parsed, each with the place for its message, and the field further in. They pass for hundreds of thousands of values and fail
 * for one: so the place of the field is made where it is needed. All throw DATASET_INVALID.
 */

function at(place: SourcePlace, field: string | undefined): SourcePlace {
  return field === undefined ? place : within(place, field);
}

export function checkFinite(value: unknown, place: SourcePlace, field?: string): number {
  if (typeof value !== 'number') throw unexpected(at(place, field), 'a number', value);
  if (!Number.isFinite(value)) throw unexpected(at(place, field), 'a finite number', value);
  return value;
}

export function checkAtLeast(value: unknown, min: number, place: SourcePlace, field?: string): number {
  const number = checkFinite(value, place, field);
  if (number < min) throw unexpected(at(place, field), `a number of at least ${min}`, number);
  return number;
}

export function checkId(value: unknown, place: SourcePlace, field?: string): number {
  if (!Number.isSafeInteger(value)) throw unexpected(at(place, field), 'an integer', value);
  return value as number;
}

/** A side of a picture. */
export function checkSide(value: unknown, place: SourcePlace, field?: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < 1)
    throw unexpected(at(place, field), 'an integer of at least 1', value);
  return value as number;
}

export function checkFlag(value: unknown, place: SourcePlace, field?: string): boolean {
  if (value === undefined || value === 0 || value === false) return false;
  if (value !== 1 && value !== true) throw unexpected(at(place, field), '0 or 1', value);
  return true;
}

export function checkName(value: unknown, what: string, place: SourcePlace, field?: string): string {
  if (typeof value !== 'string' || value.trim() === '') throw unexpected(at(place, field), what, value);
  return value;
}

/** Numbers written in decimals; what else `Number()` takes, such as 0x10 or the empty text, is a slip. */
export function parseNumber(text: string | undefined, place: SourcePlace, expected = 'a number'): number {
  if (text === undefined || !/^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\s*$/.test(text)) {
    throw unexpected(place, expected, text);
  }
  return checkFinite(Number(text), place);
}

/** 0 or 1, as text; `undefined` and the empty text are 0. */
export function parseFlag(text: string | undefined, place: SourcePlace): boolean {
  const word = text?.trim().toLowerCase() ?? '';
  if (word === '' || word === '0' || word === 'false') return false;
  if (word !== '1' && word !== 'true') throw unexpected(place, '0 or 1', text);
  return true;
}

/** A polygon: x and y of at least three points. */
export function checkPolygon(polygon: unknown, place: SourcePlace, field: string): readonly number[] {
  if (!Array.isArray(polygon)) throw unexpected(within(place, field), 'a list of x and y in turn', polygon);
  if (polygon.length % 2 === 1)
    throw invalidAt(within(place, field), `expected x and y in turn but received ${polygon.length} numbers`);
  if (polygon.length < 6)
    throw invalidAt(within(place, field), `expected at least 6 numbers, for three points, but received ${polygon.length}`);
  for (let i = 0; i < polygon.length; i++) {
    if (!Number.isFinite(polygon[i])) checkFinite(polygon[i], within(place, field), `[${i}]`);
  }
  return polygon as number[];
}

/** The smallest box around points: x, y, width, height. */
export function boxAround(points: Iterable<readonly number[]>): [number, number, number, number] {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const list of points) {
    for (let i = 0; i + 1 < list.length; i += 2) {
      left = Math.min(left, list[i] as number);
      right = Math.max(right, list[i] as number);
      top = Math.min(top, list[i + 1] as number);
      bottom = Math.max(bottom, list[i + 1] as number);
    }
  }
  return [left, top, right - left, bottom - top];
}

const none: Attributes = Object.freeze({});

/** The members of an object that are not `known`, spread; null is left out. */
export function extraAttributes(value: Readonly<Record<string, unknown>>, known: ReadonlySet<string>): Attributes {
  let attributes: Record<string, string | number | boolean> | undefined;
  for (const key in value) {
    if (!known.has(key)) spread((attributes ??= {}), key, value[key]);
  }
  return attributes ?? none;
}

function spread(attributes: Record<string, string | number | boolean>, key: string, value: unknown): void {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    Object.defineProperty(attributes, key, { value, enumerable: true, configurable: true, writable: true }); // `__proto__` is a key like others
  } else if (Array.isArray(value)) attributes[key] = JSON.stringify(value);
  else if (typeof value === 'object' && value !== null) {
    for (const [inner, member] of Object.entries(value)) spread(attributes, `${key}.${inner}`, member);
  }
}
