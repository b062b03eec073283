/** Where and why a text is not JSON. `JSON.parse` tells no place in some of its messages, and says each otherwise in every version of V8. */
export interface JsonFault {
  readonly position: number;
  readonly expected: string;
  readonly found: string;
}

const space = /[ \t\n\r]*/y;
const scalar =
  /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|(?:true|false|null)(?!\w)/uy;
const text = /"(?:[^"\\\p{Cc}]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy;

/** The first fault of a text that `JSON.parse` refused. */
export function jsonFault(source: string): JsonFault {
  let position = 0;
  const skip = (pattern: RegExp): boolean => {
    pattern.lastIndex = position;
    const matches = pattern.test(source);
    if (matches) position = pattern.lastIndex;
    return matches;
  };
  const fault = (expected: string): JsonFault => ({ position, expected, found: foundAt(source, position) });
  const open: string[] = [];
  let expects: 'value' | 'value or end' | 'key' | 'key or end' | 'comma' = 'value';
  for (;;) {
    skip(space);
    const next = source.charAt(position);
    if (expects === 'comma' && open.length === 0) return fault('the end');
    if (expects === 'comma' || expects.endsWith('or end')) {
      if (next === open.at(-1)) {
        open.pop();
        position++;
        expects = 'comma';
        continue;
      }
      if (expects === 'comma') {
        if (next !== ',') return fault(`"," or "${open.at(-1)}"`);
        position++;
        expects = open.at(-1) === '}' ? 'key' : 'value';
        continue;
      }
    }
    if (expects.startsWith('key')) {
      if (!skip(text)) return fault('a name in quotes');
      skip(space);
      if (source.charAt(position) !== ':') return fault('":"');
      position++;
      expects = 'value';
    } else if (next === '{' || next === '[') {
      open.push(next === '{' ? '}' : ']');
      position++;
      expects = next === '{' ? 'key or end' : 'value or end';
    } else {
      if (!skip(scalar)) return fault('a value');
      expects = 'comma';
    }
  }
}

function foundAt(source: string, position: number): string {
  const rest = source.slice(position, position + 12);
  return rest === '' ? 'the end' : JSON.stringify(rest);
}
