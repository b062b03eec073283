import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';

import { htmlReport, type EvaluationExample, type EvaluationResult } from '../../lib/evaluation/index.js';
import { byId, classed, elements, named, parseMarkup, textOf, type Element } from './markup-tree.js';
import { emptyResult, numbersFrom, pictures, resultOfClasses, results } from './results.js';

const report = async (result: EvaluationResult): Promise<Element> => parseMarkup(await htmlReport(result));
const part = (root: Element, id: string): Element => byId(root, id) as Element;
const rows = (from: Element): string[][] =>
  named(from, 'tr').map((row) => row.children.flatMap((cell) => (typeof cell === 'string' ? [] : [textOf(cell)])));

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

describe('examples', () => {
  it('embeds pictures with their boxes, and names those that are missing', async () => {
    const section = part(await report(results.detect), 'examples');
    const figures = named(section, 'figure');
    expect(figures).toHaveLength(6);
    expect(named(section, 'image')).toHaveLength(4);
    const wrong = figures[1] as Element;
    expect(named(wrong, 'rect').map(({ attributes }) => attributes['class'])).toEqual([
      'halo',
      'truth',
      'halo',
      'found',
      'truth-tag',
      'found-tag',
    ]);
    expect(classed(wrong, 'tag-text').map(textOf)).toEqual(['cross', 'square 0.87']);
    expect(named(wrong, 'svg')[0]?.attributes['aria-label']).toBe(
      'Wrong class: A cross was taken for a square, in val2017/shapes-640x480.jpg',
    );
    const missing = classed(section, 'missing');
    expect(missing.map(({ attributes }) => attributes['aria-label'])).toEqual([
      'Picture val2017/gone.jpg is not shown: it is not there',
      'Picture val2017/no-path.jpg is not shown: no path is known',
    ]);
  });

  it('embeds the part with the boxes, small', async () => {
    const section = part(await report(results.detect), 'examples');
    const image = named(section, 'image')[2] as Element;
    const bytes = Buffer.from(image.attributes['href']?.split(',')[1] as string, 'base64');
    const { format, width, height } = await sharp(bytes).metadata();
    // A triangle of 73 x 68 in 500 x 700: the part is 4 : 3, a fifth of the picture or so, and shown as it is.
    expect(format).toBe('webp');
    expect(width / height).toBeCloseTo(4 / 3, 1);
    expect(width).toBeLessThan(200);
  });

  it('shows 48 at most, of each kind the first', async () => {
    const of = (kind: EvaluationExample['kind'], count: number): EvaluationExample[] =>
      Array.from({ length: count }, (_, i) => ({ image: `${kind} ${i}`, kind, caption: '' }));
    const examples = [...of('false-positive', 900), ...of('low-iou', 40), ...of('wrong-class', 3)];
    const section = part(await report({ ...emptyResult, examples }), 'examples');
    const kinds = named(section, 'figure').map(({ attributes }) => attributes['data-kind']);
    const count = (kind: string): number => kinds.filter((each) => each === kind).length;
    expect([count('false-positive'), count('low-iou'), count('wrong-class')]).toEqual([23, 22, 3]);
    expect(textOf(section)).toContain('48 of 943 examples are shown');
    expect(textOf(named(section, 'figure')[1] as Element)).toContain('false-positive 1');
  });

  it('embeds a picture that cannot be compressed in 40 kB: 48 of them stay below 2 MB', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'foveate-report-'));
    try {
      const random = numbersFrom(5);
      const noise = Buffer.alloc(320 * 240 * 3).map(() => 256 * random());
      const path = join(folder, 'noise.png');
      await sharp(noise, { raw: { width: 320, height: 240, channels: 3 } })
        .png()
        .toFile(path);
      const examples = [{ image: 'noise', path, kind: 'low-iou', caption: '' } as const];
      const [image] = named(await report({ ...emptyResult, examples }), 'image');
      expect(image?.attributes['href']?.length).toBeGreaterThan(10_000);
      expect(image?.attributes['href']?.length).toBeLessThan(41_000);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says of a picture that is broken that it is', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'foveate-report-'));
    try {
      const path = join(folder, 'broken.jpg');
      await writeFile(path, 'no picture');
      const paths = [path, folder, 'https://example.com/a.jpg', 'x'.repeat(9000), ''];
      const examples = paths.map((each) => ({ image: 'broken.jpg', path: each, kind: 'low-iou' as const, caption: '' }));
      const reasons = classed(await report({ ...emptyResult, examples }), 'missing').map(textOf);
      expect(reasons[0]).toBe('No pictureit cannot be read: MEDIA_UNSUPPORTED');
      expect(reasons).toHaveLength(5);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('leaves out boxes that are none, and names no crowd', async () => {
    const box = (corners: readonly number[]): object => ({ box: corners, role: 'found', label: 'a' });
    const of = (boxes: readonly object[]): EvaluationExample =>
      ({ image: 'star.jpg', path: join(pictures, 'star.jpg'), kind: 'low-iou', caption: '', boxes }) as EvaluationExample;
    const crowd = Array.from({ length: 100 }, (_, i) => box([i, i, i + 20, i + 20]));
    const examples = [of([box([Number.NaN, 0, 1, 1]), box([1, 2]), box([-50, -50, 9999, 9999])]), of(crowd)];
    const [odd, many] = named(part(await report({ ...emptyResult, examples }), 'examples'), 'figure') as [Element, Element];
    expect(classed(odd, 'found')).toHaveLength(1);
    expect(classed(many, 'found')).toHaveLength(60);
    expect(classed(many, 'tag-text')).toEqual([]);
  });

  it('stops when it is told to', async () => {
    await expect(htmlReport(results.detect, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
