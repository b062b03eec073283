import { describe, expect, it } from 'vitest';

import { htmlReport, type EvaluationResult } from '../../lib/evaluation/index.js';
import { byId, classed, elements, named, parseMarkup, rows, textOf, type Element } from './markup-tree.js';
import { emptyResult, resultOfClasses, results } from './results.js';

const report = async (result: EvaluationResult): Promise<Element> => parseMarkup(await htmlReport(result));
const part = (root: Element, id: string): Element => byId(root, id) as Element;

describe('confusion', () => {
  const cells = (root: Element, name: string): number =>
    classed(root, name).reduce((sum, { attributes }) => sum + (attributes['d']?.split('M').length ?? 1) - 1, 0);

  it('writes numbers into the cells of few classes', async () => {
    const section = part(await report(results.classify), 'confusion');
    const svg = named(section, 'svg')[0] as Element;
    const numbers = elements(svg).filter(({ name, attributes }) => name === 'text' && /^on-/.test(attributes['class'] ?? ''));
    const counts = results.classify.confusion!.matrix.flat().filter((count) => count > 0);
    expect(numbers.map(textOf)).toEqual(counts.map(String));
    expect(cells(svg, 'right8')).toBe(6);
    expect(rows(section)[1]).toEqual(['ring', 'circle', '31', '6.2 %']);
  });

  it('names all of 80 classes, with background apart', async () => {
    const section = part(await report(results.detect), 'confusion');
    expect(
      classed(section, 'label')
        .map(textOf)
        .filter((label) => label === 'background'),
    ).toHaveLength(2);
    expect(classed(section, 'label')).toHaveLength(2 * 81);
    const [confused, missed] = named(section, 'table') as [Element, Element];
    expect(rows(confused).slice(1).flat()).not.toContain('background');
    for (const row of rows(missed).slice(1)) expect(row.slice(0, 2)).toContain('background');
  });

  it('sums a thousand classes in blocks, and lists the worst pairs', async () => {
    const result = resultOfClasses(1000);
    const section = part(await report(result), 'confusion');
    expect(textOf(section)).toContain('A square stands for 16 classes');
    const squares = Array.from({ length: 8 }, (_, i) => cells(section, `right${i + 1}`)).reduce((sum, count) => sum + count, 0);
    expect(squares).toBe(63);
    const worst = Math.max(...result.confusion!.matrix.map((row, i) => Math.max(...row.filter((_, j) => i !== j))));
    expect(rows(section)[1]?.[2]).toBe(String(worst));
    expect(rows(section)).toHaveLength(21);
  });

  it('keeps background apart from a thousand classes', async () => {
    const { classes, matrix } = resultOfClasses(1000).confusion!;
    const confusion = {
      classes: [...classes, 'background'],
      matrix: [...matrix.map((row) => [...row, 5]), new Array<number>(1001).fill(1)],
    };
    const section = part(await report({ ...results.detect, confusion }), 'confusion');
    expect(
      classed(section, 'label')
        .map(textOf)
        .filter((label) => label === 'background'),
    ).toHaveLength(2);
  });

  it.each([
    [['a'], [[3]]],
    [['a'], [[0]]],
    [['a', 'b'], [[1]]],
    [
      ['a', 'b'],
      [
        [null as never, 2],
        [Number.NaN, 1],
      ],
    ],
    [[], []],
  ])('takes %j with %j', async (classes, matrix) => {
    const root = await report({ ...emptyResult, confusion: { classes, matrix } });
    expect(
      named(root, 'path')
        .map(({ attributes }) => attributes['d'])
        .join(''),
    ).not.toContain('NaN');
    expect(byId(root, 'confusion') === undefined).toBe(classes.length === 0);
  });
});
