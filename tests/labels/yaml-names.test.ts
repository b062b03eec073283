import { describe, expect, it } from 'vitest';
import { LabelSyntaxError } from '../../lib/labels/literal.js';
import { namesFromYaml } from '../../lib/labels/yaml-names.js';

function names(text: string) {
  const parsed = namesFromYaml(text);
  return parsed instanceof Map ? Object.fromEntries(parsed) : parsed;
}

describe('names of a data.yaml', () => {
  it.each([
    ['a block map', 'path: ../data\nnames:\n  0: person\n  1: traffic light\nnc: 2\n', { 0: 'person', 1: 'traffic light' }],
    ['a block list', 'names:\n  - person\n  - traffic light\n', ['person', 'traffic light']],
    ['a list that is not indented', 'nc: 2\nnames:\n- person\n- car\ntrain: images\n', ['person', 'car']],
    ['no line feed at the end', 'names:\n- person\n- car', ['person', 'car']],
    ['a flow list', 'nc: 2\nnames: [\'person\', "car"]\n', ['person', 'car']],
    ['a flow list over several lines', 'names: [person, # 0\n  car,\n  bus]  # three\nnc: 3\n', ['person', 'car', 'bus']],
    ['a flow map', 'names: {0: person, 1: car}', { 0: 'person', 1: 'car' }],
    [
      'comments and empty lines',
      '# names:\nnames: # classes\n\n  # the first\n  0: person # one\n\n  1: c#\n',
      { 0: 'person', 1: 'c#' },
    ],
    ['quotes', `names:\n  - 'it''s'\n  - "a: \\"b\\"" # x\n  - '# no comment'\n`, ["it's", 'a: "b"', '# no comment']],
    ['quoted ids', `names:\n  '0': a\n  "1": b\n`, { 0: 'a', 1: 'b' }],
    ['words with a meaning elsewhere', 'names:\n- no\n- null\n- 5\n- a:b\n- -x\n', ['no', 'null', '5', 'a:b', '-x']],
    ['two documents', 'names:\n- a\n---\nnames:\n- b\n', ['a']],
    ['a key of the same name further in', 'other:\n  names: [x]\nnames: [y]\n', ['y']],
  ])('%s', (_, text, expected) => {
    expect(names(text)).toEqual(expected);
  });

  it.each([
    ['no names', 'nc: 2\n'],
    ['nothing behind the key', 'names:\n'],
    ['only another key behind it', 'names:\nnc: 2\n'],
    ['a scalar', 'names: coco.names\n'],
    ['text behind a flow list', 'names: [a] b\n'],
    ['an open flow list', 'names: [a,\n'],
    ['a nested list', 'names:\n  - a\n    - b\n'],
    ['an indentation that shrinks', 'names:\n    0: a\n  1: b\n'],
    ['a nested map', 'names:\n  0:\n    name: a\n'],
    ['a list of lists', 'names:\n  - - a\n'],
    ['a list of maps', 'names:\n  - name: a\n'],
    ['lists and maps mixed', 'names:\n  - a\n  1: b\n'],
    ['maps and lists mixed', 'names:\n  0: a\n  - b\n'],
    ['an entry without a name', 'names:\n  - a\n  -\n'],
    ['an entry of only a comment', 'names:\n  - a\n  - # b\n'],
    ['an id that is no number', 'names:\n  first: a\n'],
    ['an id twice', 'names:\n  0: a\n  0: b\n'],
    ['an anchor', 'names:\n  - &a person\n'],
    ['a folded text', 'names:\n  - >\n    person\n'],
    ['text behind a quoted name', `names:\n  - 'a' b\n`],
    ['an open quote', `names:\n  - 'a\n`],
    ['tabs', 'names:\n\t- a\n'],
  ])('refuses %s', (_, text) => {
    expect(() => names(text)).toThrow(LabelSyntaxError);
  });

  it('says where', () => {
    expect(() => names('names:\n  0: a\n  x: b\n')).toThrow('expected "id: name" at line 3, column 3, but found "x: b\\n"');
  });
});
