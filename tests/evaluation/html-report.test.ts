import { createHash } from 'node:crypto';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { htmlReport, type EvaluationResult } from '../../lib/evaluation/index.js';
import { byId, classed, elements, named, parseMarkup, rows, textOf, type Element } from './markup-tree.js';
import { emptyResult, pictures, resultOfClasses, results } from './results.js';

const report = async (result: EvaluationResult): Promise<Element> => parseMarkup(await htmlReport(result));
const part = (root: Element, id: string): Element => byId(root, id) as Element;

const all = { ...results, empty: emptyResult, one: resultOfClasses(1), thousand: resultOfClasses(1000) };

describe.each(Object.entries(all))('the report of %s', (_, result) => {
  let html: string;
  let root: Element;
  beforeAll(async () => {
    html = await htmlReport(result);
    root = parseMarkup(html);
  });

  it('is one file that needs and allows nothing else', () => {
    const policy = named(root, 'meta')[1]?.attributes['content'] as string;
    expect(policy).toMatch(/^default-src 'none'; img-src data:; /);
    for (const name of ['style', 'script']) {
      const [element, ...others] = named(root, name);
      expect(others).toEqual([]);
      const hash = createHash('sha256')
        .update(textOf(element as Element))
        .digest('base64');
      expect(policy).toContain(`${name}-src 'sha256-${hash}'`);
    }
    const attributes = elements(root).flatMap((element) => Object.entries(element.attributes));
    expect(attributes.filter(([name]) => /^(style|on.*|src|srcset|xlink:href)$/.test(name))).toEqual([]);
    const links = attributes.filter(([name]) => name === 'href').map(([, value]) => value);
    expect(links.filter((link) => !/^(#|data:image\/webp;base64,[A-Za-z0-9+/=]+$)/.test(link))).toEqual([]);
    expect(html).not.toMatch(/@import|url\(|https?:/);
    expect(html.length).toBeLessThan(700_000);
  });

  it('can be read without seeing it', () => {
    expect(root.attributes['lang']).toBe('en');
    expect(named(root, 'h1')).toHaveLength(1);
    const titles = ['title', 'h1', 'h2', 'h3', 'caption'].flatMap((name) => named(root, name).map(textOf));
    expect(titles).not.toContain('');
    expect(named(root, 'caption')).toHaveLength(named(root, 'table').length);
    const scopes = new Set(named(root, 'th').map(({ attributes }) => attributes['scope']));
    expect([...scopes].filter((scope) => !['col', 'row', 'rowgroup'].includes(scope ?? ''))).toEqual([]);
    const untold = named(root, 'svg').filter(
      ({ attributes }) => attributes['aria-hidden'] !== 'true' && !(attributes['role'] === 'img' && attributes['aria-label']),
    );
    expect(untold).toEqual([]);
    const ids = elements(root).flatMap(({ attributes }) => attributes['id'] ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    for (const link of named(root, 'a')) expect(ids).toContain(link.attributes['href']?.slice(1));
    for (const section of named(root, 'section')) expect(ids).toContain(section.attributes['aria-labelledby']);
  });

  it('has no number that is none', () => {
    const shown = elements(root)
      .filter(({ name }) => name !== 'script' && name !== 'style')
      .flatMap(({ attributes, children }) => [
        ...Object.values(attributes),
        ...children.filter((child) => typeof child === 'string'),
      ]);
    expect(shown.filter((text) => /NaN|Infinity|undefined|null/.test(text))).toEqual([]);
  });

  it('shows each metric and each class', () => {
    const cards = classed(part(root, 'metrics'), 'card').map((card) => textOf(classed(card, 'name')[0] as Element));
    expect(cards.toSorted()).toEqual(Object.keys(result.metrics).toSorted());
    const table = byId(root, 'classes');
    const names =
      table === undefined
        ? []
        : rows(table)
            .slice(1)
            .map(([name]) => name);
    expect(names.toSorted()).toEqual(result.classes.map(({ name }) => name).toSorted());
  });
});

describe('htmlReport', () => {
  it('leaves out what there is nothing to show of', async () => {
    const sections = named(await report(emptyResult), 'section').map(({ attributes }) => attributes['id']);
    expect(sections).toEqual(['metrics', 'setup']);
  });

  it('escapes all that comes from data', async () => {
    const name = `</style><script>alert(1)</script>"'><img src=x onerror=alert(1)>&amp;\u0000`;
    const hostile = {
      ...emptyResult,
      foveate: name,
      made: name,
      model: { name, sha256: name, bytes: 1, device: name },
      dataset: { name, format: name, images: 1, annotations: 1, sha256: name },
      options: { [name]: name },
      metrics: { [name]: 0.5, [`${name}.AP`]: 0.5 },
      intervals: { [name]: [0.4, 0.6] },
      classes: [{ name, count: 1, metrics: { [name]: 0.5 } }],
      slices: [{ attribute: name, value: name, images: 1, metrics: { [name]: 0.5 }, intervals: {} }],
      curves: [{ kind: 'roc', name, x: [0, 1], y: [0, 1] }],
      confusion: {
        classes: [name, `${name}2`],
        matrix: [
          [1, 2],
          [3, 4],
        ],
      },
      examples: [
        {
          image: name,
          kind: 'wrong-class',
          caption: name,
          path: name,
          boxes: [{ box: [0, 0, 1, 1], role: 'found', label: name }],
        },
        {
          image: name,
          kind: 'low-iou',
          caption: name,
          path: join(pictures, 'star.jpg'),
          boxes: [{ box: [0, 0, 9, 9], role: 'truth', label: name }],
        },
      ],
      failures: [{ image: name, code: name, message: name }],
    } satisfies EvaluationResult;
    const html = await htmlReport(hostile);
    const root = parseMarkup(html);
    expect(named(root, 'script')).toHaveLength(1);
    expect(named(root, 'img')).toEqual([]);
    expect(html.match(/<script|<img|onerror=/g)?.filter((found) => found !== 'onerror=')).toEqual(['<script']);
    // The name is there, and whole.
    const shown = name.replace('\u0000', '');
    expect(textOf(named(root, 'h1')[0] as Element)).toBe(shown);
    expect(textOf(part(root, 'failures'))).toContain(shown);
    expect(
      rows(part(root, 'confusion'))
        .slice(1)
        .map(([actual]) => actual),
    ).toEqual([`${shown}2`, shown]);
  });

  it('bounds names of any length', async () => {
    const name = '\ud83d\ude00'.repeat(500_000);
    const html = await htmlReport({
      ...results.classify,
      model: { name, sha256: name, bytes: 1 },
      classes: [{ name, count: 1, metrics: { [name]: 0.5 } }],
      confusion: {
        classes: [name, 'b'],
        matrix: [
          [1, 2],
          [3, 4],
        ],
      },
      curves: [{ kind: 'roc', name, x: [0, 1], y: [0, 1] }],
      examples: [{ image: name, kind: 'low-iou', caption: name, path: name }],
      failures: [{ image: name, code: name, message: name }],
    });
    parseMarkup(html); // no half of a character either
    expect(html.length).toBeLessThan(60_000);
  });

  it('bounds its lists, and says so', async () => {
    const many = <T>(item: T): T[] => new Array<T>(3000).fill(item);
    const root = await report({
      ...emptyResult,
      classes: many({ name: 'a', count: 1, metrics: { F1: 0.5 } }),
      slices: many({ attribute: 'a', value: 'b', images: 1, metrics: { top1: 0.5 }, intervals: {} }),
      failures: many({ image: 'a', code: 'MEDIA_INVALID', message: 'b' }),
    });
    expect(rows(part(root, 'classes'))).toHaveLength(1 + 2000);
    expect(textOf(part(root, 'classes'))).toContain('2,000 of 3,000 classes are shown');
    expect(textOf(part(root, 'slices'))).toContain('500 of 3,000 slices are shown');
    expect(textOf(part(root, 'failures'))).toContain('500 of 3,000 pictures are shown');
  });

  it('groups the metrics of masks and keypoints, and no thresholds', async () => {
    const metrics = { AP: 0.4, 'AP@0.5': 0.6, 'mask.AP': 0.3, 'keypoints.AP@0.75': 0.2, 'mask.AP50': 0.5 };
    const section = part(await report({ ...emptyResult, task: 'detect', metrics }), 'metrics');
    expect(named(section, 'h3').map(textOf)).toEqual(['Masks', 'Keypoints']);
    expect(named(section, 'ul').map((list) => classed(list, 'name').map(textOf))).toEqual([
      ['AP', 'AP@0.5'],
      ['mask.AP', 'mask.AP50'],
      ['keypoints.AP@0.75'],
    ]);
  });

  it('sorts classes from the worst, those without a value last, with the values to sort by', async () => {
    const table = part(await report(results.detect), 'classes');
    const values = named(table, 'tr')
      .slice(1)
      .map((row) => named(row, 'td')[1]?.attributes['data-value']);
    expect(values.at(-1)).toBe('');
    const numbers = values.slice(0, -1).map(Number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(rows(table).at(-1)).toEqual(['hair drier', expect.any(String), '\u2013', '\u2013', '\u2013', '\u2013']);
  });

  it('draws slices where their values lie on the common axis', async () => {
    const table = part(await report(results.detect), 'slices');
    const row = (name: string): Element => named(table, 'tr').find((each) => textOf(each).startsWith(name)) as Element;
    const x = (name: string): number => Number(named(row(name), 'circle')[0]?.attributes['cx']);
    // Ticks are every 0.05 from 0.25 to 0.45, between 14 and 246 units.
    expect(classed(table, 'tick').map(textOf)).toEqual(['0.25', '0.30', '0.35', '0.40', '0.45']);
    expect(x('night')).toBeCloseTo(14 + ((0.2814 - 0.25) / 0.2) * 232, 0);
    expect(x('day')).toBeCloseTo(14 + ((0.3922 - 0.25) / 0.2) * 232, 0);
    const band = named(row('night'), 'rect')[0]?.attributes;
    expect(Number(band?.['width'])).toBeCloseTo(((0.3087 - 0.2551) / 0.2) * 232, 0);
    expect(classed(row('night'), 'tag').map(textOf)).toEqual(['worst', 'below']);
    expect(classed(row('gate'), 'tag').map(textOf)).toEqual(['worst']);
    expect(classed(row('dusk'), 'tag')).toEqual([]);
    expect(named(row('cellar'), 'circle')).toEqual([]);
  });

  it('breaks curves where there is no number, and draws one point as a dot', async () => {
    const curves = [
      { kind: 'roc', name: 'broken', x: [0, 0.25, 0.5, 0.75, 1], y: [0, 0.5, null as never, 0.9, 7] },
      { kind: 'roc', name: 'point', x: [0.5], y: [0.5] },
      { kind: 'roc', name: 'none', x: [], y: [] },
    ] as const;
    const paths = named(part(await report({ ...emptyResult, curves }), 'curves'), 'path');
    const drawn = Object.fromEntries(paths.map((path) => [textOf(path), path.attributes['d']]));
    expect(drawn).toEqual({ broken: 'M52 284L166 148M394 39.2L508 12', point: 'M280 148h0', none: '' });
  });

  it('draws a hundred curves of a kind at most, and few points of long ones', async () => {
    const xs = Array.from({ length: 100_000 }, (_, i) => i / 99_999);
    const curves = Array.from({ length: 300 }, (_, i) => ({ kind: 'precision-recall' as const, name: String(i), x: xs, y: xs }));
    const section = part(await report({ ...emptyResult, curves }), 'curves');
    const paths = named(section, 'path').map(({ attributes }) => attributes['d'] as string);
    expect(paths).toHaveLength(100);
    expect(Math.max(...paths.map((path) => path.split('L').length))).toBe(240);
    expect(paths.filter((path) => !path.startsWith('M52 284L') || !path.endsWith('L508 12'))).toEqual([]); // both ends are there
    expect(classed(section, 'legend').map(textOf)[0]).toContain('92 of 292 more');
  });
});
