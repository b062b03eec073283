import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { jsonElements, JsonSplitter, type JsonElement } from '../../lib/dataset/json-elements.js';
import { jsonFault } from '../../lib/dataset/json-syntax.js';
import { folderWith } from './made-folders.js';

/** All elements, given in parts of so many bytes. */
function split(text: string, partBytes: number): JsonElement[] {
  const splitter = new JsonSplitter('made.json');
  const bytes = Buffer.from(text);
  const found: JsonElement[] = [];
  for (let at = 0; at < bytes.length; at += partBytes) found.push(...splitter.push(bytes.subarray(at, at + partBytes)));
  splitter.end();
  return found;
}

/** What the elements are, put together again. */
function joined(elements: readonly JsonElement[]): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const { key, index, value } of elements) {
    if (index === undefined) whole[key] = value;
    else (whole[key] as unknown[])[index] = value;
  }
  return whole;
}

const texts = [
  '{}',
  ' {\n} \n',
  '{"a":[]}',
  '{"a":1,"b":-1.5e3,"c":true ,"d":null\n}',
  '{"a":"x","b":{"c":[1,{"d":[]}]},"e":["", "\\"", "\\\\", "]}", {"f":"}"}, [1,[2]], 3 , 4]}',
  '{ "a\\u00e9é" : [ "ü人😀", {"😀" : "\\ud83d\\ude00"} ] , "" : [ 1\n,\n2 ] }',
];

describe('elements of a JSON file', () => {
  it.each(texts)('are what JSON.parse gives: %s', (text) => {
    for (const partBytes of [1, 2, 3, 7, 1000]) expect(joined(split(text, partBytes))).toEqual(JSON.parse(text));
  });

  it('have lines, whatever the parts', () => {
    const text = '{\n"a": [\n1,\n\n{"b":\n"c"}, 2\r\n],\n"d": 3\n}';
    for (const partBytes of [1, 5, 1000]) {
      expect(split(text, partBytes).map(({ key, index, line }) => [key, index, line])).toEqual([
        ['a', undefined, 2],
        ['a', 0, 3],
        ['a', 1, 5],
        ['a', 2, 6],
        ['d', undefined, 8],
      ]);
    }
  });

  it.each([
    ['{"a":[1,]}', 'line 1, a: expected a value, as JSON has it, but found "]"'],
    ['{"a":[1 2]}', 'line 1, a: expected "," or "]", as JSON has it, but found "2]}"'],
    ['{"a" 1}', 'line 1, a: expected ":", as JSON has it, but found "1}"'],
    ['{a:1}', 'line 1: expected a name in quotes, as JSON has it, but found "a:1}"'],
    ['{"a":1}\n}', 'line 2, a: expected the end, as JSON has it, but found "}"'],
    ['{"a":1,}', 'line 1, a: expected a name in quotes, as JSON has it, but found "}"'],
    ['{"a":[\n{"b":\n [1, 01]}]}', 'line 3, a[0]: it is not JSON: expected a value at column 6 but found "01]}"'],
    ['{"a":[tru]}', 'line 1, a[0]: it is not JSON: expected a value at column 7 but found "tru"'],
    ['{"a":[{]}', 'line 1, a[0]: it is not JSON: expected a name in quotes at column 8 but found "]"'],
    ['{"a":["\t"]}', 'line 1, a[0]: it is not JSON: expected a value at column 7 but found "\\"\\t\\""'],
    ['{"a":[1', 'line 1, a[0]: the file ends within it'],
    ['{"a":[1 ', 'line 1, a: expected "," or "]" but the file ends'],
    ['{"a":[{"b":tru},{"c" 1}', 'line 1, a[0]: it is not JSON: expected a value at column 12 but found "tru}"'],
    ['{"a":["x', 'line 1, a[0]: the file ends within it'],
    ['{', 'line 1: expected a name in quotes but the file ends'],
  ])('refuses %j', (text, message) => {
    for (const partBytes of [1, 1000]) {
      // What is found behind a fault is as much as there is in the part.
      const told = partBytes === 1 ? message.replace(/ but found ".*/, '') : message;
      expect(() => split(text, partBytes)).toThrow(`"made.json", ${told}`);
    }
  });

  it('are found across the parts that a file is read in', async () => {
    const lists = {
      images: Array.from({ length: 40_000 }, (_, id) => ({ id, name: `größe ${id}`.repeat((id % 7) + 1) })),
      end: 'x',
    };
    const text = JSON.stringify(lists);
    expect(text.length).toBeGreaterThan(2 * 2 ** 20);
    const folder = await folderWith({ 'a.json': `\ufeff${text}` });
    const found: JsonElement[] = [];
    for await (const part of jsonElements(join(folder, 'a.json'))) found.push(...part);
    expect(joined(found)).toEqual(lists);
  });

  it('stop at the signal', async () => {
    const folder = await folderWith({ 'a.json': '{}' });
    await expect(jsonElements(join(folder, 'a.json'), AbortSignal.abort('enough')).next()).rejects.toMatchObject({
      code: 'ABORTED',
      cause: 'enough',
    });
  });
});

describe('the fault of a JSON text', () => {
  it.each([
    ['', 0],
    ['[1,2', 4],
    ['[1,]', 3],
    ['{"a":1,}', 7],
    ['{"a"}', 4],
    ['{1:2}', 1],
    ['[NaN]', 1],
    ['[1.]', 1],
    ['[-]', 1],
    ['["\\x"]', 1],
    ['[1]]', 3],
    ['[nulls]', 1],
    ['{"a":[{"b":[1, {"c": }]}]}', 21],
  ])('%s', (text, position) => {
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
    expect(jsonFault(text)).toMatchObject({ position });
  });
});
