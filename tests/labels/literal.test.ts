import { describe, expect, it } from 'vitest';
import { LabelSyntaxError, parseCollection, type Dialect } from '../../lib/labels/literal.js';

function parse(text: string, dialect: Dialect = 'python') {
  const { names, end } = parseCollection(text, 0, dialect);
  expect(end).toBe(text.length);
  return names instanceof Map ? Object.fromEntries(names) : names;
}

describe('Python literals', () => {
  it.each([
    [`{0: 'person', 1: "it's"}`, { 0: 'person', 1: "it's" }],
    [`{0: 'say "hi"', 1: 'it\\'s "x"'}`, { 0: 'say "hi"', 1: `it's "x"` }],
    [`{0: 'a\\\\b', 1: 'line\\nfeed', 2: 'tab\\t'}`, { 0: 'a\\b', 1: 'line\nfeed', 2: 'tab\t' }],
    [`{0: '\\x41\\xe9', 1: '\\u00fc\\u4eba', 2: '\\U0001f600'}`, { 0: 'Aé', 1: 'ü人', 2: '😀' }],
    [`{0: '人', 1: '😀'}`, { 0: '人', 1: '😀' }],
    [`{'0': 'a', '1': 'b'}`, { 0: 'a', 1: 'b' }],
    [`{0: 0, 1: 1.5, 2: -2}`, { 0: '0', 1: '1.5', 2: '-2' }],
    [`{0:'a',1:'b',}`, { 0: 'a', 1: 'b' }],
    ['{}', {}],
    [`['a', "b"]`, ['a', 'b']],
    [`('a', 'b')`, ['a', 'b']],
    [`('a',)`, ['a']],
    [`[ 'a' ,\n 'b' ]`, ['a', 'b']],
    ['[]', []],
    [`{0: '', 1: ' spaced '}`, { 0: '', 1: ' spaced ' }],
    [`{0: 'a, b: {c}'}`, { 0: 'a, b: {c}' }],
  ])('%s', (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    ['', 'a list or a map'],
    ['{', 'a string or a number'],
    [`{0 'a'}`, '":"'],
    [`{0: 'a' 1: 'b'}`, '"," or "}"'],
    [`{0: 'a'`, '"," or "}"'],
    [`{0: 'a]`, "a closing '"],
    [`['a\nb']`, "a closing '"],
    [`['a''b']`, '"," or "]"'],
    [`['a'}`, '"," or "]"'],
    [`{0: ['a']}`, 'a string or a number'],
    ['[None]', 'a string or a number'],
    ['[__import__("os")]', 'a string or a number'],
    [`[,'a']`, 'a string or a number'],
    [`['\\q']`, 'an escape'],
    [`['\\x4']`, 'an escape'],
    [`['\\u12g4']`, 'an escape'],
    [`['\\U00110000']`, 'an escape'],
    [`['\\`, 'an escape'],
    [`{0: 'a', 0: 'b'}`, 'each id once, not "0" again'],
    [`{0: 'a'}`.slice(0, 4), 'a string or a number'],
  ])('refuses %j', (text, message) => {
    expect(() => parse(text)).toThrow(LabelSyntaxError);
    expect(() => parse(text)).toThrow(`expected ${message}`);
  });

  it('says where', () => {
    expect(() => parse(`{0: 'a',\n 1 'b'}`)).toThrow(`expected ":" at line 2, column 4, but found "'b'}"`);
  });

  it('stops at the closing bracket', () => {
    expect(parseCollection(`x = ['a'] + y`, 4, 'python')).toEqual({ names: ['a'], end: 9 });
  });

  it('reads a long list', () => {
    const names = Array.from({ length: 20_000 }, (_, id) => `name ${id}`);
    expect(parse(`[${names.map((name) => `'${name}'`).join(', ')}]`)).toEqual(names);
  });
});

describe('flow collections of YAML', () => {
  it.each([
    ['[person, traffic light, 3]', ['person', 'traffic light', '3']],
    [`['it''s', "tab\\t", a:b, c#d, -x]`, ["it's", 'tab\t', 'a:b', 'c#d', '-x']],
    ['{0: person, 1: traffic light}', { 0: 'person', 1: 'traffic light' }],
    [`{"0":"a", '1': b}`, { 0: 'a', 1: 'b' }],
    ['[a, # first\n  b # second\n]', ['a', 'b']],
    [`['back\\slash']`, ['back\\slash']],
  ])('%s', (text, expected) => {
    expect(parse(text, 'yaml')).toEqual(expected);
  });

  it.each(['(a, b)', '[a, [b]]', '[&anchor a]', '[*alias]', '[!tag a]', '{0:person}', '[a', '[- a]'])('refuses %s', (text) => {
    expect(() => parse(text, 'yaml')).toThrow(LabelSyntaxError);
  });
});
