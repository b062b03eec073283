/** Names as they are written down: in order, or by id. */
export type Names = string[] | Map<string, string>;

/** How a text is written: `repr()` of a Python dict, list or tuple, or a flow collection of YAML, which also has plain scalars. */
export type Dialect = 'python' | 'yaml';

/** What is wrong with a text, and where. */
export class LabelSyntaxError extends Error {
  constructor(expected: string, text: string, position: number) {
    const line = text.slice(0, position).split('\n').length;
    const column = position - text.lastIndexOf('\n', position - 1);
    const received = position < text.length ? JSON.stringify(text.slice(position, position + 12)) : 'the end';
    super(`expected ${expected} at line ${line}, column ${column}, but found ${received}`);
  }
}

/** Reads the flat list or map that begins at `start`. Throws LabelSyntaxError. `end` is the position behind its closing bracket. */
export function parseCollection(text: string, start: number, dialect: Dialect): { readonly names: Names; readonly end: number } {
  const scanner = new LiteralScanner(text, start, dialect);
  const names = scanner.collection();
  return { names, end: scanner.position };
}

/** Reads the quoted string that begins at `start`. Throws LabelSyntaxError. */
export function parseQuoted(text: string, start: number, dialect: Dialect): { readonly value: string; readonly end: number } {
  const scanner = new LiteralScanner(text, start, dialect);
  const value = scanner.quoted();
  return { value, end: scanner.position };
}

const closing: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}' };
const simpleEscapes = new Map(
  Object.entries({ '\\': '\\', "'": "'", '"': '"', n: '\n', r: '\r', t: '\t', b: '\b', f: '\f', v: '\v', a: '\x07' }),
);
const hexDigits = new Map(Object.entries({ x: 2, u: 4, U: 8 }));

class LiteralScanner {
  readonly #text: string;
  readonly #dialect: Dialect;
  position: number;

  constructor(text: string, start: number, dialect: Dialect) {
    this.#text = text;
    this.position = start;
    this.#dialect = dialect;
  }

  collection(): Names {
    const open = this.#text.charAt(this.position);
    const close = closing[open];
    if (close === undefined || (open === '(' && this.#dialect === 'yaml')) throw this.#expected('a list or a map');
    this.position++;
    const list: string[] = [];
    const map = new Map<string, string>();
    for (;;) {
      this.#skipSpace();
      if (this.#take(close)) return open === '{' ? map : list;
      if (open === '{') this.#entry(map);
      else list.push(this.#scalar());
      this.#skipSpace();
      if (!this.#take(',') && this.#text.charAt(this.position) !== close) throw this.#expected(`"," or "${close}"`);
    }
  }

  /** A string in quotes. Python and YAML's double quotes escape with a backslash; YAML's single quotes only double themselves. */
  quoted(): string {
    const quote = this.#text.charAt(this.position);
    const plainSingle = quote === "'" && this.#dialect === 'yaml';
    let value = '';
    for (let at = this.position + 1; ;) {
      const character = this.#text.charAt(at);
      if (character === '' || character === '\n') throw new LabelSyntaxError(`a closing ${quote}`, this.#text, at);
      if (character === quote) {
        this.position = at + 1;
        if (!plainSingle || this.#text.charAt(at + 1) !== quote) return value;
        value += quote;
        at += 2;
      } else if (character === '\\' && !plainSingle) {
        const escape = this.#escape(at);
        value += escape.value;
        at = escape.end;
      } else {
        value += character;
        at++;
      }
    }
  }

  #entry(map: Map<string, string>): void {
    const start = this.position;
    const key = this.#scalar();
    this.#skipSpace();
    if (!this.#take(':')) throw this.#expected('":"');
    this.#skipSpace();
    const value = this.#scalar();
    if (map.has(key)) throw new LabelSyntaxError(`each id once, not ${JSON.stringify(key)} again`, this.#text, start);
    map.set(key, value);
  }

  #scalar(): string {
    const first = this.#text.charAt(this.position);
    if (first === "'" || first === '"') return this.quoted();
    // A plain scalar ends before a comma, a bracket, a comment, or a colon that is followed by space.
    const pattern =
      this.#dialect === 'yaml'
        ? /(?:[^\s,:#[\]{}&*!|>'"%@`-]|-(?=\S))(?:[^\n,:#[\]{}]|:(?=\S)|(?<=\S)#)*/y
        : /[+-]?\d+(?:\.\d+)?/y;
    pattern.lastIndex = this.position;
    const match = pattern.exec(this.#text);
    if (match === null) throw this.#expected('a string or a number');
    this.position = pattern.lastIndex;
    return match[0].trim();
  }

  #escape(at: number): { value: string; end: number } {
    const kind = this.#text.charAt(at + 1);
    const simple = simpleEscapes.get(kind);
    if (simple !== undefined) return { value: simple, end: at + 2 };
    const digits = this.#text.slice(at + 2, at + 2 + (hexDigits.get(kind) ?? 0));
    const codePoint = digits.length === hexDigits.get(kind) && /^[\da-f]+$/i.test(digits) ? parseInt(digits, 16) : NaN;
    if (!(codePoint <= 0x10ffff)) throw new LabelSyntaxError('an escape such as \\n, \\x41 or \\u0041', this.#text, at);
    return { value: String.fromCodePoint(codePoint), end: at + 2 + digits.length };
  }

  #skipSpace(): void {
    const pattern = this.#dialect === 'yaml' ? /(?:\s|(?<=\s)#.*)*/y : /\s*/y;
    pattern.lastIndex = this.position;
    pattern.exec(this.#text);
    this.position = pattern.lastIndex;
  }

  #take(character: string): boolean {
    if (this.#text.charAt(this.position) !== character) return false;
    this.position++;
    return true;
  }

  #expected(what: string): LabelSyntaxError {
    return new LabelSyntaxError(what, this.#text, this.position);
  }
}
