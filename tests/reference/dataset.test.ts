import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { decodeRuns } from '../../lib/dataset/run-length.js';
import { folderWith } from '../dataset/made-folders.js';
import { readAll } from '../dataset/read-all.js';

interface Fixture {
  readonly document: object;
  readonly loaded: {
    readonly categories: number[];
    readonly images: { readonly id: number; readonly annotations: { readonly id: number; readonly category_id: number; readonly bbox: number[]; readonly area: number; readonly iscrowd: 0 | 1 }[] }[]; // prettier-ignore
  };
  readonly runs: { readonly size: [number, number]; readonly counts: string; readonly runs: number[] }[];
}

const { document, loaded, runs } = JSON.parse(
  readFileSync(new URL('fixtures/dataset/coco.json', import.meta.url), 'utf8'),
) as Fixture;

describe('COCO as pycocotools reads it', () => {
  it('the same annotations of the same pictures and categories', async () => {
    const folder = await folderWith({ 'annotations.json': JSON.stringify(document) });
    const { dataset, images } = await readAll(join(folder, 'annotations.json'));
    expect(dataset.categories.map(({ id }) => id)).toEqual(loaded.categories);
    const read = images
      .map(({ id, annotations }) => ({
        id,
        annotations: annotations.map(({ id: annotationId, category, box, area, isCrowd }) => ({
          id: annotationId,
          category_id: dataset.categories[category]?.id,
          bbox: box,
          area,
          iscrowd: isCrowd ? 1 : 0,
        })),
      }))
      .sort((a, b) => a.id - b.id);
    expect(read).toEqual(loaded.images);
    expect(read.flatMap(({ annotations }) => annotations)).toHaveLength(60);
  });

  it.each(runs)('compressed runs of $size', ({ counts, runs: expected }) => {
    expect(decodeRuns(counts, { file: 'made.json' })).toEqual(expected);
  });
});
