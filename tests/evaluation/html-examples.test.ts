import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';

import { htmlReport, type EvaluationExample, type EvaluationResult } from '../../lib/evaluation/index.js';
import { byId, classed, named, parseMarkup, textOf, type Element } from './markup-tree.js';
import { emptyResult, numbersFrom, pictures, results } from './results.js';

const report = async (result: EvaluationResult): Promise<Element> => parseMarkup(await htmlReport(result));
const part = (root: Element, id: string): Element => byId(root, id) as Element;

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
