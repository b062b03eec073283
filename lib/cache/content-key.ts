/** The key of data by what it holds: equal data have equal keys, wherever they lie. */
import { createHash, webcrypto } from 'node:crypto';

import { invalidArgument } from '../errors/index.js';
import { Picture } from '../image/index.js';
import { Tensor } from '../tensor/index.js';

/** What is fed into a hash: text, bytes, or the hash of many bytes. */
export type KeyPart = string | Uint8Array | Promise<Uint8Array>;

/** Blocks of so many bytes are hashed on another thread, for which they are copied: that takes a tenth of the time, and JavaScript goes on. */
const largeBlock = 2 ** 18;

/** No data that makes sense is nested deeper; what refers to itself is. */
const deepest = 32;

const kept =
  'Only data has a key: bytes, typed arrays, tensors, pictures, plain objects and values. Read a stream into a Buffer first.';

/** The SHA-256 of the parts, in hexadecimal. */
export async function hashOf(parts: readonly KeyPart[]): Promise<string> {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part instanceof Promise ? await part : part);
  return hash.digest('hex');
}

/** The SHA-256 of bytes, in hexadecimal: that of a file that holds them. */
export async function hashOfBytes(bytes: Uint8Array): Promise<string> {
  const digest = bytes.byteLength < largeBlock ? createHash('sha256').update(bytes).digest() : await hashOfLarge(bytes);
  return Buffer.from(digest).toString('hex');
}

/**
 * Adds a value so that different values never add the same bytes: its kind, its size, what it holds. Members of objects count in the order of their names, those that are undefined not at all.
 * Throws INVALID_ARGUMENT, with `name`, for what is no data; then nothing of `parts` is to be used.
 */
export function addValue(parts: KeyPart[], name: string, value: unknown, depth = 0): void {
  if (depth > deepest) throw invalidArgument(name, `data that is nested at most ${deepest} deep`, value);
  if (typeof value === 'string') parts.push(`s${value.length}:`, value);
  else if (typeof value === 'number') parts.push(`n${Object.is(value, -0) ? '-0' : value};`);
  else if (typeof value === 'bigint') parts.push(`i${value};`);
  else if (value === null || value === undefined || typeof value === 'boolean') parts.push(`v${value};`);
  else if (typeof value !== 'object') throw invalidArgument(name, 'data', value, kept);
  else if (ArrayBuffer.isView(value)) addBytes(parts, elementType(value), value);
  else if (value instanceof ArrayBuffer) addBytes(parts, 'ArrayBuffer', new Uint8Array(value));
  else if (value instanceof URL) parts.push(`u${value.href.length}:`, value.href);
  else if (value instanceof Date) parts.push(`d${value.getTime()};`);
  else if (value instanceof Tensor) {
    parts.push(`t${value.dtype}[${value.dims.join()}]`);
    addBytes(parts, '', value.data);
  } else if (Array.isArray(value)) {
    parts.push(`a${value.length}:`);
    value.forEach((element, i) => addValue(parts, `${name}[${i}]`, element, depth + 1));
  } else addMembers(parts, name, value, depth);
}

function addMembers(parts: KeyPart[], name: string, value: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (value instanceof Picture) {
    const { data, width, height, format } = value;
    return addMembers(parts, name, { data, width, height, format }, depth);
  }
  if (prototype !== Object.prototype && prototype !== null) throw invalidArgument(name, 'data', value, kept);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  parts.push(`o${members.length}:`);
  for (const [key, member] of members) {
    addValue(parts, name, key);
    addValue(parts, `${name}.${key}`, member, depth + 1);
  }
}

/** A Buffer is a Uint8Array. */
function elementType(view: ArrayBufferView): string {
  return view instanceof Uint8Array ? 'Uint8Array' : view.constructor.name;
}

function addBytes(parts: KeyPart[], type: string, view: ArrayBufferView): void {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  parts.push(`b${type}${bytes.byteLength}:`, bytes.byteLength < largeBlock ? bytes : hashOfLarge(bytes));
}

/** Reads the bytes before it returns, but for those that threads share. */
function hashOfLarge(bytes: Uint8Array): Uint8Array | Promise<Uint8Array> {
  if (!(bytes.buffer instanceof ArrayBuffer)) return createHash('sha256').update(bytes).digest();
  const hash = webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>).then((digest) => new Uint8Array(digest));
  hash.catch(() => undefined); // whoever awaits it is told
  return hash;
}
