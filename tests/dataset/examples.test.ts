import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { imagenet1000 } from '../../lib/labels/index.js';
import { classes, labelled } from '../tasks/labelled-pictures.js';
import { namesOf, readAll } from './read-all.js';

const pictures = fileURLToPath(new URL('../../examples/pictures', import.meta.url));

describe('the labels of the example pictures', () => {
  it('boxes, as COCO', async () => {
    const { dataset, images } = await readAll(join(pictures, 'detect.json'));
    expect(dataset.notices).toEqual([]);
    expect(namesOf(dataset)).toEqual(classes);
    const found = images.map(({ name, width, height, annotations }) => ({
      file: name,
      width,
      height,
      objects: annotations.map(({ category, box: [left, top, boxWidth, boxHeight] = [0, 0, 0, 0] }) => ({
        label: classes[category],
        box: [left, top, left + boxWidth, top + boxHeight].map((corner) => Number(corner.toFixed(2))),
      })),
    }));
    expect(found).toEqual(labelled('detect').map(({ file, width, height, objects }) => ({ file, width, height, objects })));
  });

  it('classes, as CSV', async () => {
    const { dataset, images } = await readAll(join(pictures, 'classify.csv'), { labels: classes });
    expect(dataset.notices).toEqual([]);
    expect(images.map(({ name, categories }) => [name, ...categories.map((place) => classes[place])])).toEqual(
      labelled('classify').map(({ file, label }) => [file, label]),
    );
  });

  it('masks beside pictures', async () => {
    const { dataset, images } = await readAll(pictures, { format: 'masks' });
    expect(namesOf(dataset)).toEqual(['background', ...classes]);
    expect(images.map(({ name }) => name).sort()).toEqual(labelled('segment').map(({ file }) => file).sort()); // prettier-ignore
    for (const { labelMap } of images) {
      const map = await labelMap?.();
      expect(map?.data).toHaveLength((map?.width ?? 0) * (map?.height ?? 0));
    }
  });

  it('the folder is more than one data set', async () => {
    await expect(readAll(pictures)).rejects.toMatchObject({
      code: 'DATASET_UNSUPPORTED',
      message: expect.stringMatching(/coco \(detect\.json\), csv \(classify\.csv\), masks \(the folder\)/) as string,
    });
  });
});

const shared = fileURLToPath(new URL('../../../shared/images/imagenet', import.meta.url));

it.skipIf(!existsSync(shared))(
  'pictures of ImageNet in one folder: the identifiers give the classes that their names begin with',
  async () => {
    const { dataset, images } = await readAll(shared);
    expect(namesOf(dataset)).toEqual(imagenet1000);
    expect(images.length).toBeGreaterThan(100);
    for (const { name, categories } of images) expect(categories).toEqual([Number.parseInt(name, 10)]);
  },
);
