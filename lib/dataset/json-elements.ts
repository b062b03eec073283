import { isAscii, isUtf8 } from 'node:buffer';
import { open, type FileHandle } from 'node:fs/promises';

import type { SourcePlace } from './dataset.js';
import { jsonFault } from './json-syntax.js';
import { checkStart, notUtf8, throwIfAborted, unreadable } from './source-file.js';
import { invalidAt } from './source-place.js';

/** A value of the object that a JSON file holds. */
export interface JsonElement {
  readonly key: string;
  /** The place in the list that is the value of `key`; undefined where that is no list, and once (with an empty list as value) before its elements. */
  readonly index: number | undefined;
  readonly value: unknown;
  /** Where it begins, from 1. */
  readonly line: number;
}

/** Large enough that few elements lie across two of them. */
const chunkBytes = 2 ** 20;

/** An element is held whole. */
const maxElementBytes = 64 * 2 ** 20;

/**
 * The members of the object that a JSON file holds; of lists, element by element, so that no file is too large: `JSON.parse` takes none above 512 MB, and
 * knows no lines. Rejects with DATASET_NOT_FOUND, DATASET_INVALID, ABORTED.
 */
export async function* jsonElements(path: string, signal?: AbortSignal): AsyncGenerator<readonly JsonElement[]> {
  const place = { file: path };
  let handle: FileHandle;
  try {
    handle = await open(path);
  } catch (error) {
    throw unreadable(place, error);
  }
  try {
    const splitter = new JsonSplitter(path);
    for (let isFirst = true; ; isFirst = false) {
      throwIfAborted(signal);
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await handle.read(chunk, 0, chunkBytes).catch((error: unknown) => {
        throw unreadable(place, error);
      });
      if (bytesRead === 0) break;
      let read = chunk.subarray(0, bytesRead);
      if (isFirst) {
        checkStart(read, place);
        if (read[0] === 0xef && read[1] === 0xbb && read[2] === 0xbf) read = read.subarray(3);
      }
      yield splitter.push(read);
    }
    splitter.end();
  } finally {
    await handle.close();
  }
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openList = 0x5b;
const backslash = 0x5c;
const closeList = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;
const lineFeed = 0x0a;

const isSpace = (byte: number): boolean => byte === 0x20 || byte === lineFeed || byte === 0x0d || byte === 0x09;

/** What comes next, outside of elements, as messages call it. */
const expected = {
  start: 'an object',
  'first key': 'a name in quotes',
  key: 'a name in quotes',
  colon: '":"',
  value: 'a value',
  'first element': 'a value',
  element: 'a value',
  'behind element': '"," or "]"',
  'behind value': '"," or "}"',
  end: 'the end',
} as const;
type State = keyof typeof expected;

/** A text, number, list or object that has begun. */
interface Token {
  readonly line: number;
  readonly column: number;
  readonly isScalar: boolean;
  depth: number;
  inText: boolean;
}

/** An element of a list, from its first byte to behind its last. */
interface WholeElement {
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/**
 * Elements that follow each other, with commas between. V8 puts what it makes of a long text among the old objects at once, and copies what it makes of short
 * ones twice before. undefined where one is wrong: which, only parsing them one by one tells.
 */
function parseTogether(bytes: Buffer, whole: readonly WholeElement[]): readonly unknown[] | undefined {
  const [first] = whole;
  const last = whole.at(-1);
  if (first === undefined || last === undefined) return [];
  const list = bytes.subarray(first.start, last.end);
  // Most are, and texts of single bytes are made and parsed faster.
  const ascii = isAscii(list);
  if (!ascii && !isUtf8(list)) return undefined;
  try {
    const values = JSON.parse(`[${list.toString(ascii ? 'latin1' : 'utf8')}]`) as unknown[];
    return values.length === whole.length ? values : undefined;
  } catch {
    return undefined;
  }
}

/** Finds where elements begin and end, byte by byte; what is in them is left to `JSON.parse`. */
export class JsonSplitter {
  readonly #path: string;
  #state: State = 'start';
  #line = 1;
  #key = '';
  #index = 0;
  /** Bytes of a token that went on in the next chunk. */
  #rest: Buffer = Buffer.alloc(0);
  #token: Token | undefined;
  #isEscaped = false;
  /** How many bytes were before the present chunk and the rest before it, and how many up to the present line. */
  #offset = 0;
  #lineStart = 0;

  constructor(path: string) {
    this.#path = path;
  }

  push(chunk: Buffer): JsonElement[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const found: JsonElement[] = [];
    let at = this.#rest.length;
    let tokenStart = 0;
    const whole: WholeElement[] = [];
    while (at < bytes.length) {
      if (this.#token !== undefined) {
        at = this.#skipToken(bytes, at);
        if (at === -1) break;
        const { line, column } = this.#token;
        this.#token = undefined;
        if (this.#state === 'element' || this.#state === 'first element') {
          whole.push({ start: tokenStart, end: at, line, column });
          this.#state = 'behind element';
        } else this.#takeMember(bytes.subarray(tokenStart, at), line, column, found);
        continue;
      }
      const byte = bytes[at] as number;
      // The list ends here, or something is wrong behind elements that may be wrong themselves.
      if (this.#state === 'behind element' && byte !== comma && !isSpace(byte)) this.#takeElements(bytes, whole, found);
      if (isSpace(byte)) {
        at++;
        if (byte === lineFeed) this.#beginLine(1, at);
      } else if (this.#punctuation(byte, found)) {
        at++;
      } else {
        tokenStart = at;
        // A text, list or object goes on behind its first byte; a number may be a single one.
        if (!this.#begin(byte, bytes, at)) at++;
      }
    }
    this.#takeElements(bytes, whole, found);
    this.#rest = this.#token === undefined ? Buffer.alloc(0) : bytes.subarray(tokenStart);
    this.#offset += bytes.length - this.#rest.length;
    if (this.#rest.length > maxElementBytes) {
      throw invalidAt(this.#place(), `it has more than ${maxElementBytes} bytes`, 'Check what file it is.');
    }
    return found;
  }

  /** Throws DATASET_INVALID unless the object was closed. */
  end(): void {
    if (this.#state === 'end') return;
    const what = this.#token === undefined ? `expected ${expected[this.#state]} but the file ends` : 'the file ends within it';
    throw invalidAt(this.#place(this.#token?.line), what, 'It was not written or transferred whole.');
  }

  /** Takes a byte that stands between elements; false where something else begins. */
  #punctuation(byte: number, found: JsonElement[]): boolean {
    switch (this.#state) {
      case 'start':
        if (byte !== openObject) return false;
        this.#state = 'first key';
        return true;
      case 'first key':
        if (byte !== closeObject) return false;
        this.#state = 'end';
        return true;
      case 'colon':
        if (byte !== colon) return false;
        this.#state = 'value';
        return true;
      case 'value':
        if (byte !== openList) return false;
        found.push({ key: this.#key, index: undefined, value: [], line: this.#line });
        this.#index = 0;
        this.#state = 'first element';
        return true;
      case 'first element':
        if (byte !== closeList) return false;
        this.#state = 'behind value';
        return true;
      case 'behind element':
        if (byte !== comma && byte !== closeList) return false;
        this.#state = byte === comma ? 'element' : 'behind value';
        return true;
      case 'behind value':
        if (byte !== comma && byte !== closeObject) return false;
        this.#state = byte === comma ? 'key' : 'end';
        return true;
      case 'key':
      case 'element':
      case 'end':
        return false;
    }
  }

  /** Begins a token; true for a number, true, false or null. */
  #begin(byte: number, bytes: Buffer, at: number): boolean {
    const isKey = this.#state === 'key' || this.#state === 'first key';
    const isValue = this.#state === 'value' || this.#state === 'element' || this.#state === 'first element';
    const isBracket = byte === openObject || byte === openList;
    const isPunctuation = byte === comma || byte === colon || byte === closeList || byte === closeObject;
    if ((isKey && byte !== quote) || (!isKey && !isValue) || isPunctuation) {
      const found = JSON.stringify(bytes.toString('utf8', at, at + 1 + (isBracket || isPunctuation ? 0 : 11)));
      throw invalidAt(this.#place(), `expected ${expected[this.#state]}, as JSON has it, but found ${found}`);
    }
    const inText = byte === quote;
    const column = this.#offset + at - this.#lineStart + 1;
    this.#token = { line: this.#line, column, depth: isBracket ? 1 : 0, inText, isScalar: !inText && !isBracket };
    this.#isEscaped = false;
    return this.#token.isScalar;
  }

  /** The end of the token that goes on at `at`; -1 where that is in the next chunk. */
  #skipToken(bytes: Buffer, at: number): number {
    const token = this.#token as Token;
    const { length } = bytes;
    let { depth, inText } = token;
    let isEscaped = this.#isEscaped;
    let lines = 0;
    let lineStart = 0;
    let end = -1;
    for (let i = at; i < length; i++) {
      const byte = bytes[i] as number;
      if (byte === lineFeed && !token.isScalar) {
        lines++;
        lineStart = i + 1;
      }
      if (inText) {
        if (isEscaped) isEscaped = false;
        else if (byte === backslash) isEscaped = true;
        else if (byte === quote) {
          inText = false;
          if (depth === 0) {
            end = i + 1;
            break;
          }
        }
      } else if (token.isScalar) {
        if (byte === comma || byte === closeList || byte === closeObject || isSpace(byte)) {
          end = i;
          break;
        }
      } else if (byte === quote) inText = true;
      else if (byte === openObject || byte === openList) depth++;
      else if ((byte === closeObject || byte === closeList) && --depth === 0) {
        end = i + 1;
        break;
      }
    }
    if (lines > 0) this.#beginLine(lines, lineStart);
    this.#isEscaped = isEscaped;
    token.depth = depth;
    token.inText = inText;
    return end;
  }

  #beginLine(lines: number, at: number): void {
    this.#line += lines;
    this.#lineStart = this.#offset + at;
  }

  #takeMember(bytes: Buffer, line: number, column: number, found: JsonElement[]): void {
    const value = this.#parse(bytes, line, column, this.#key);
    if (this.#state === 'value') {
      this.#state = 'behind value';
      found.push({ key: this.#key, index: undefined, value, line });
    } else {
      this.#key = value as string;
      this.#state = 'colon';
    }
  }

  /** Parses elements that follow each other, and forgets them. */
  #takeElements(bytes: Buffer, whole: WholeElement[], found: JsonElement[]): void {
    const values = parseTogether(bytes, whole);
    whole.forEach(({ start, end, line, column }, i) => {
      const value =
        values === undefined ? this.#parse(bytes.subarray(start, end), line, column, `${this.#key}[${this.#index}]`) : values[i];
      found.push({ key: this.#key, index: this.#index++, value, line });
    });
    whole.length = 0;
  }

  #parse(bytes: Buffer, line: number, startColumn: number, field: string): unknown {
    const place = { file: this.#path, line, ...(field === '' ? {} : { field }) };
    if (!isUtf8(bytes)) throw notUtf8(place);
    const source = bytes.toString('utf8');
    try {
      return JSON.parse(source);
    } catch (cause) {
      const { position, expected: what, found } = jsonFault(source);
      const before = source.slice(0, position).split('\n');
      const column = (before.at(-1) as string).length + (before.length === 1 ? startColumn : 1);
      const hint = /^"-?(NaN|Infinity)/.test(found) ? 'JSON has no NaN and no Infinity: write null, or leave it out.' : undefined;
      const problem = `it is not JSON: expected ${what} at column ${column} but found ${found}`;
      throw invalidAt({ ...place, line: line + before.length - 1 }, problem, hint, cause);
    }
  }

  /** Where the splitter is. */
  #place(line = this.#line): SourcePlace {
    const isElement = this.#state === 'element' || this.#state === 'first element';
    const field = isElement && this.#token !== undefined ? `${this.#key}[${this.#index}]` : this.#key;
    return { file: this.#path, line, ...(field === '' ? {} : { field }) };
  }
}
