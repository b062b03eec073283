import { setMaxListeners } from 'node:events';
import { fileURLToPath } from 'node:url';

import { ArgumentError } from './foveate-error.js';

/** How a received value is shown in a message: short, and with its type. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  if (typeof value === 'string') {
    return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  }
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) {
    const isShort = value.length > 0 && value.length <= longestList && value.every((element) => typeof element === 'number');
    return isShort ? `[${value.join(', ')}]` : `an array of ${value.length}`;
  }
  const name = (value as object).constructor?.name;
  return name === undefined || name === 'Object' ? describeMembers(value as object) : `a ${name}`;
}

const longestObject = 80;
const longestList = 8;

/** `{ min: 8, opt: 4, max: 1 }`, where an object is nothing more than a few plain values. */
function describeMembers(value: object): string {
  const members = Object.entries(value);
  const isPlain = members.every(([, member]) => member === null || !['object', 'function', 'symbol'].includes(typeof member));
  if (members.length === 0 || !isPlain) return 'an object'; // it may even hold itself
  const text = `{ ${members.map(([key, member]) => `${key}: ${describeValue(member)}`).join(', ')} }`;
  return text.length <= longestObject ? text : 'an object';
}

/** `Expected <what> for <name> but received <value>`. */
export function invalidArgument(name: string, expected: string, received: unknown, hint?: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected ${expected} for ${name} but received ${describeValue(received)}`,
    hint,
    details: { name },
  });
}

/** The error for `new Type()` from JavaScript, which does not know the constructor as private. */
export function constructedDirectly(type: string, instead: string): ArgumentError {
  return new ArgumentError('INVALID_ARGUMENT', {
    message: `A ${type} is not made with new`,
    hint: `Use await ${instead}.`,
  });
}

/** Throws unless `value` is an object whose keys are all in `known`; a misspelled option is an error, with the nearest name as hint. */
export function checkOptions(name: string, value: unknown, known: readonly string[]): void {
  if (value === undefined) return;
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw invalidArgument(name, 'an object of options', value);
  }
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const nearest = nearestName(key, known);
    throw new ArgumentError('UNKNOWN_OPTION', {
      message: `Unknown option ${JSON.stringify(key)} in ${name}`,
      hint: nearest === undefined ? `Known options: ${known.join(', ')}.` : `Did you mean ${JSON.stringify(nearest)}?`,
      details: { option: key, known },
    });
  }
}

/** `options` over `defaults`; an option that is undefined counts as left out. */
export function withDefaults<T extends object>(defaults: T, options: Partial<T>): T {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...(Object.fromEntries(given) as Partial<T>) };
}

export function checkInteger(name: string, value: unknown, min: number, max = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isInteger(value) || (value as number) < min || (value as number) > max) {
    const range = max === Number.MAX_SAFE_INTEGER ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`;
    throw invalidArgument(name, range, value);
  }
  return value as number;
}

export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw invalidArgument(name, `a number from ${min} to ${max}`, value);
  }
  return value;
}

export function checkBoolean(name: string, value: unknown): boolean {
  if (typeof value !== 'boolean') throw invalidArgument(name, 'true or false', value);
  return value;
}

/**
 * Checks a signal, and lets it have any number of listeners: one signal may stop many operations, each of which listens for as long as it
 * takes. That is no leak, which Node would warn of.
 */
export function checkSignal(value: unknown): void {
  if (value === undefined) return;
  if (!(value instanceof AbortSignal)) throw invalidArgument('signal', 'an AbortSignal', value);
  setMaxListeners(0, value);
}

const longestRequestId = 200;

/** It goes to events, errors and traces, which long ones would fill. */
export function checkRequestId(value: unknown): void {
  if (value === undefined) return;
  if (typeof value !== 'string' || value === '' || value.length > longestRequestId)
    throw invalidArgument('requestId', `a string of 1 to ${longestRequestId} characters`, value);
}

/** The path that a path or a `file:` URL stands for. `expected` tells in the message of INVALID_ARGUMENT what else could have been given. */
export function checkPath(name: string, value: unknown, expected = 'a path or file: URL'): string {
  if (value instanceof URL || (typeof value === 'string' && value.startsWith('file:'))) {
    try {
      return fileURLToPath(value);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw invalidArgument(name, 'a file: URL', String(value), `${reason}.`);
    }
  }
  if (typeof value !== 'string' || value === '') throw invalidArgument(name, expected, value);
  if (value.includes('\0')) throw invalidArgument(name, 'a path without null bytes', value);
  return value;
}

export function checkOneOf<const T extends string>(name: string, value: unknown, allowed: readonly T[]): T {
  if (!allowed.includes(value as T)) {
    const nearest = typeof value === 'string' ? nearestName(value, allowed) : undefined;
    throw invalidArgument(
      name,
      `one of ${allowed.join(', ')}`,
      value,
      nearest === undefined ? undefined : `Did you mean ${JSON.stringify(nearest)}?`,
    );
  }
  return value as T;
}

/** The name that differs least from `wanted`, where that is little enough to be a slip of the pen. */
export function nearestName(wanted: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(wanted.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** How many letters must be put in, taken out, changed or swapped with their neighbour (optimal string alignment), row by row. */
function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swapped = column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swap = swapped ? (beforePrevious[column - 2] ?? 0) + 1 : Infinity;
      current.push(Math.min(substitution, swap, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length] ?? 0;
}
