import { describe, expect, it } from 'vitest';

import { junitReport, type GateVerdict } from '../../lib/evaluation/index.js';
import { named, parseMarkup, textOf, type Element } from './markup-tree.js';
import { emptyResult, resultOfClasses, results } from './results.js';

function suite(root: Element, name: string): Element {
  return named(root, 'testsuite').find(({ attributes }) => attributes['name'] === name) as Element;
}

function testcase(root: Element, name: string): Element {
  return named(root, 'testcase').find(({ attributes }) => attributes['name'] === name) as Element;
}

const verdicts: readonly GateVerdict[] = [
  { name: 'AP >= 0.40', passed: false, message: 'AP is 0.372, expected at least 0.4 <"&>', value: 0.3721, limit: 0.4 },
  { name: 'p95 <= 100', passed: true, message: 'p95 is 38.2 ms', value: 38.21, limit: 100 },
  { name: 'mask.APs >= 0.1', passed: false, message: 'mask.APs has nothing to count', value: null, limit: 0.1 },
];

describe('junitReport', () => {
  it.each(Object.entries(results))('has a test case for each metric and class, none failed: %s', (_, result) => {
    const root = parseMarkup(junitReport(result));
    expect(named(suite(root, 'metrics'), 'testcase').map(({ attributes }) => attributes['name'])).toEqual(
      Object.keys(result.metrics),
    );
    expect(named(suite(root, 'classes'), 'testcase').map(({ attributes }) => attributes['name'])).toEqual(
      result.classes.map(({ name }) => name),
    );
    expect(named(root, 'failure')).toEqual([]);
  });

  it.each([
    ['detect', results.detect, verdicts],
    ['nothing', emptyResult, []],
    ['a thousand classes', resultOfClasses(1000), []],
  ])('counts what it holds, as the schema of Jenkins wants it: %s', (_, result, given) => {
    const root = parseMarkup(junitReport(result, given));
    for (const level of [root, ...named(root, 'testsuite')]) {
      const counted = { tests: 'testcase', failures: 'failure', skipped: 'skipped', errors: 'error' };
      for (const [attribute, element] of Object.entries(counted)) {
        expect(level.attributes[attribute]).toBe(String(named(level, element).length));
      }
    }
    for (const { name, children } of [...named(root, 'testsuite'), ...named(root, 'testcase')]) {
      const order = children.flatMap((child) => (typeof child === 'string' ? [] : [child.name]));
      const places = order.map((child) =>
        ['properties', 'testcase', 'skipped', 'failure', 'system-out', 'system-err'].indexOf(child),
      );
      expect(places, name).toEqual(places.toSorted((a, b) => a - b));
      expect(places).not.toContain(-1);
    }
    for (const { attributes } of named(root, 'testcase')) expect(Object.keys(attributes)).toEqual(['name', 'classname', 'time']);
  });

  it('tells values with their intervals, and skips what there was nothing to count for', () => {
    const root = parseMarkup(junitReport(results.detect));
    expect(textOf(testcase(root, 'AP'))).toBe('0.372 (95 %: 0.361 to 0.383)');
    expect(textOf(testcase(root, 'APm'))).toBe('0.410');
    expect(named(testcase(root, 'mask.APs'), 'skipped')).toHaveLength(1);
    expect(named(testcase(root, 'hair drier'), 'skipped')).toHaveLength(1);
    expect(textOf(testcase(root, 'person'))).toMatch(/^count: 11\d\d\d\nAP: 0\.\d{3}\nAP50: /);
  });

  it('fails the verdicts that did not pass, with their messages', () => {
    const root = parseMarkup(junitReport(results.detect, verdicts));
    const gate = suite(root, 'gate');
    expect(gate.attributes).toMatchObject({ tests: '3', failures: '2', errors: '0', skipped: '0' });
    const [failure] = named(testcase(root, 'AP >= 0.40'), 'failure');
    expect(failure?.attributes['message']).toBe('AP is 0.372, expected at least 0.4 <"&>');
    expect(textOf(failure as Element)).toBe('value 0.3721, limit 0.4');
    expect(textOf(testcase(root, 'mask.APs >= 0.1'))).toBe('nothing to count, limit 0.1');
    expect(textOf(testcase(root, 'p95 <= 100'))).toBe('p95 is 38.2 ms (value 38.21, limit 100)');
  });

  it('holds any name', () => {
    const name = ']]></system-out><!-- "\u0000\u001b[2J\ud800 &amp;';
    const root = parseMarkup(
      junitReport(
        {
          ...results.classify,
          classes: [{ name, count: 1, metrics: { [name]: 1 } }],
          failures: [{ image: name, code: 'MEDIA_INVALID', message: 'line\nline' }],
        },
        [{ name, passed: false, message: name, value: Number.NaN, limit: null }],
      ),
    );
    const shown = ']]></system-out><!-- "[2J &amp;';
    expect(named(root, 'testcase').filter(({ attributes }) => attributes['name'] === shown)).toHaveLength(2);
    expect(named(root, 'failure')[0]?.attributes['message']).toBe(shown);
    expect(textOf(named(root, 'system-err')[0] as Element)).toBe(`${shown}: MEDIA_INVALID: line\nline`);
  });

  it('has no time where there is none', () => {
    expect(suite(parseMarkup(junitReport(emptyResult)), 'metrics').attributes['timestamp']).toBe('2026-11-28T20:27:32');
    const timeless = parseMarkup(junitReport({ ...emptyResult, made: 'yesterday' }));
    expect(suite(timeless, 'metrics').attributes).not.toHaveProperty('timestamp');
  });
});
