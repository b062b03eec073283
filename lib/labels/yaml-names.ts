import { LabelSyntaxError, parseCollection, parseQuoted, type Names } from './literal.js';

/**
 * The `names` of a data set's YAML file, such as YOLO's data.yaml: a list or a map of ids, as block or in brackets. Only what such files are
 * made of is understood: no anchors, tags, folded text or nesting. Throws LabelSyntaxError for anything else.
 */
export function namesFromYaml(text: string): Names {
  const key = /^names[ ]*:(?=\s|$)/m.exec(text);
  if (key === null) throw new LabelSyntaxError('a key "names:" at the beginning of a line', text, text.length);
  const afterKey = key.index + key[0].length;
  const start = afterKey + (/^[ ]*/.exec(text.slice(afterKey))?.[0].length ?? 0);
  const first = text.charAt(start);
  if (first === '[' || first === '{') {
    const { names, end } = parseCollection(text, start, 'yaml');
    expectEndOfLine(text, end);
    return names;
  }
  expectEndOfLine(text, afterKey);
  return namesFromBlock(text, afterKey);
}

function namesFromBlock(text: string, start: number): Names {
  const list: string[] = [];
  const map = new Map<string, string>();
  let blockIndent: number | undefined;
  let at = text.indexOf('\n', start) + 1 || text.length;
  for (const line of text.slice(at).split('\n')) {
    const lineStart = at;
    at += line.length + 1;
    if (/^\s*(#.*)?$/.test(line)) continue;
    const indent = line.search(/[^ ]/);
    const dash = /^-(?: +|$)/.exec(line.slice(indent))?.[0];
    // The next key of the file, or the end of the document.
    if (dash === undefined && indent === 0) break;
    blockIndent ??= indent;
    const position = lineStart + indent;
    if (indent !== blockIndent) throw new LabelSyntaxError('all names at one indentation', text, position);
    if (dash === undefined ? list.length > 0 : map.size > 0) {
      throw new LabelSyntaxError('either "- name" or "id: name" in every line', text, position);
    }
    if (dash === undefined) addEntry(map, text, position);
    else list.push(lineScalar(text, position + dash.length));
  }
  if (list.length === 0 && map.size === 0) throw new LabelSyntaxError('a list or a map of names', text, start);
  return map.size > 0 ? map : list;
}

function addEntry(map: Map<string, string>, text: string, at: number): void {
  const match = /^(?:(\d+)|"(\d+)"|'(\d+)')[ ]*:[ ]+/.exec(text.slice(at, at + 100));
  const id = match?.[1] ?? match?.[2] ?? match?.[3];
  if (match === null || id === undefined) throw new LabelSyntaxError('"id: name"', text, at);
  if (map.has(id)) throw new LabelSyntaxError(`each id once, not ${id} again`, text, at);
  map.set(id, lineScalar(text, at + match[0].length));
}

/** A scalar up to the end of its line, quoted or plain. */
function lineScalar(text: string, start: number): string {
  const first = text.charAt(start);
  if (first === "'" || first === '"') {
    const { value, end } = parseQuoted(text, start, 'yaml');
    expectEndOfLine(text, end);
    return value;
  }
  const lineEnd = text.indexOf('\n', start);
  const line = text.slice(start, lineEnd === -1 ? undefined : lineEnd);
  const plain = line.replace(/(^|\s)#.*/, '').trim();
  // What YAML gives a meaning of its own.
  if (plain === '' || /^[[\]{}&*!|>%@`,?]|^- |: |:$/.test(plain))
    throw new LabelSyntaxError('a plain or quoted name', text, start);
  return plain;
}

function expectEndOfLine(text: string, at: number): void {
  const match = /^[^\S\n]*(?:(?<=\s)#.*)?(?:\n|$)/.exec(text.slice(at));
  if (match === null) throw new LabelSyntaxError('the end of the line', text, at);
}
