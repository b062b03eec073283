import { join } from 'node:path';

import sharp from 'sharp';
import { describe, expect, it } from 'vitest';

import { openDataset } from '../../lib/index.js';
import { folderWith } from './made-folders.js';
import { plainPng } from './made-png.mjs';
import { namesOf, readAll } from './read-all.js';

const yaml = 'train: images/train\nval: images/val\nnames: [cat, dog]\n';
const picture = plainPng(20, 10);

async function opened(files: Record<string, string | Uint8Array | null>, data = yaml) {
  const folder = await folderWith({ 'data.yaml': data, ...files });
  return { folder, ...(await readAll(folder)) };
}

/** The objects of a label file beside a picture of 20 x 10. */
async function objects(lines: string, data = yaml) {
  const { images } = await opened({ 'images/val/a.png': picture, 'labels/val/a.txt': lines }, data);
  return images[0]?.annotations;
}

describe('lines of YOLO', () => {
  it('boxes: centre, width and height in fractions become corners in pixels', async () => {
    expect(await objects('\ufeff0 0.5 0.5 0.2 0.4\r\n\r\n1.0\t0.25 0.75 .5 5e-1  \n')).toEqual([
      { category: 0, box: [8, 3, 4, 4], isCrowd: false, isIgnored: false, attributes: {} },
      { category: 1, box: [0, 5, 10, 5], isCrowd: false, isIgnored: false, attributes: {} },
    ]);
  });

  it('polygons, with the box around them', async () => {
    const [polygon] = (await objects('1 0.1 0.1 0.5 0.1 0.5 0.9')) ?? [];
    expect(polygon).toMatchObject({ category: 1, box: [2, 1, 8, 8], segmentation: [[2, 1, 10, 1, 10, 9]], corners: undefined });
  });

  it('four points are an outline and an oriented box, whose corners go clockwise', async () => {
    const [clockwise, turned] = (await objects('0 0 0 0.5 0 0.5 0.5 0 0.5\n0 0 0 0 0.5 0.5 0.5 0.5 0')) ?? [];
    expect(clockwise).toMatchObject({ corners: [0, 0, 10, 0, 10, 5, 0, 5], segmentation: [[0, 0, 10, 0, 10, 5, 0, 5]] });
    expect(turned).toMatchObject({ corners: [0, 0, 10, 0, 10, 5, 0, 5], segmentation: [[0, 0, 0, 5, 10, 5, 10, 0]] });
  });

  it('keypoints of three numbers, and of two', async () => {
    const line = '0 0.5 0.5 1 1';
    expect(await objects(`${line} 0.5 0.5 2 0 0 0 0.1 0.2 1`, `${yaml}kpt_shape: [3, 3]\n`)).toMatchObject([
      { box: [0, 0, 20, 10], keypoints: [10, 5, 2, 0, 0, 0, 2, 2, 1] },
    ]);
    expect(await objects(`${line} 0.5 0.5 0 0`, `${yaml}kpt_shape: [2, 2]\n`)).toMatchObject([
      { keypoints: [10, 5, 2, 0, 0, 0] },
    ]);
  });

  it('sizes are those of the picture as it is seen', async () => {
    const turned = await sharp({ create: { width: 20, height: 10, channels: 3, background: 'red' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    const { images } = await opened({ 'images/val/a.JPG': turned, 'labels/val/a.txt': '0 0.5 0.5 1 1' });
    expect(images[0]).toMatchObject({ width: 10, height: 20, annotations: [{ box: [0, 0, 10, 20] }] });
  });
});

describe('data.yaml', () => {
  it.each([
    ['a list', 'names:\n- cat # the first\n- "no"\n', ['cat', 'no']],
    ['a map', 'names:\n  1: dog\n  0: cat\n', ['cat', 'dog']],
    ['words with a meaning in YAML', 'names: [no, null, 5, 1.50]\n', ['no', 'null', '5', '1.50']],
    ['an anchor', 'all: &all [cat, dog]\nnames: *all\n', ['cat', 'dog']],
  ])('names as %s', async (_, names, expected) => {
    const { dataset } = await opened({ 'images/val/a.png': picture }, `val: images/val\n${names}`);
    expect(namesOf(dataset)).toEqual(expected);
  });

  it('the split is that for validation, or as the option says', async () => {
    const files = { 'images/train/b.png': picture, 'images/val/a.png': picture };
    const { folder, images } = await opened(files);
    expect(images.map(({ name }) => name)).toEqual(['images/val/a.png']);
    expect((await readAll(folder, { split: 'train' })).images.map(({ name }) => name)).toEqual(['images/train/b.png']);
    await expect(openDataset(folder, { split: 'test' })).rejects.toMatchObject({
      code: 'DATASET_NOT_FOUND',
      details: { field: 'test' },
    });
  });

  it.each([
    ['a path', 'path: set\nval: images\nnames: [cat]\n'],
    ['the path of elsewhere', 'path: datasets/set\nval: set/images\nnames: [cat]\n'],
    ['a list of folders', 'path: set\nval:\n- images\n- images/inner\nnames: [cat]\n'],
    ["Roboflow's way up", 'val: ../set/images\nnames: [cat]\n'],
    ['a list file', 'path: set\nval: val.txt\nnames: [cat]\n'],
  ])('pictures by %s', async (_, data) => {
    const { images } = await opened(
      {
        'set/images/a b.png': picture,
        'set/images/inner/ü.png': picture,
        'set/labels/a b.txt': '0 0.5 0.5 1 1',
        'set/labels/inner/ü.txt': '0 0.5 0.5 1 1',
        'set/val.txt': './images/a b.png\r\nimages/inner/ü.png\n',
      },
      data,
    );
    expect(images.map(({ name, annotations }) => [name.replace('set/', ''), annotations.length])).toEqual([
      ['images/a b.png', 1],
      ['images/inner/ü.png', 1],
    ]);
  });

  it('absolute paths are the own choice of whoever wrote the file', async () => {
    const other = await folderWith({ 'a.png': picture, 'a.txt': '0 0.5 0.5 1 1' });
    const { images } = await opened({}, `val: ${JSON.stringify(other)}\nnames: [cat]\n`);
    expect(images).toMatchObject([{ path: join(other, 'a.png'), annotations: [{ category: 0 }] }]);
  });

  it('the last folder images is that of the pictures', async () => {
    const { images } = await opened(
      { 'images/x/images/a.png': picture, 'images/x/labels/a.txt': '0 0.5 0.5 1 1' },
      'val: images/x/images\nnames: [cat]\n',
    );
    expect(images[0]?.annotations).toHaveLength(1);
  });

  it('what is missing or empty is noticed, once however often it is read', async () => {
    const { dataset } = await opened({
      'images/val/a.png': picture,
      'images/val/b.png': picture,
      'images/val/c.png': picture,
      'labels/val/c.txt': '\n',
      'labels/val/z.txt': '0 0.5 0.5 1 1',
      'labels/val/classes.txt': 'cat',
    });
    for await (const { annotations } of dataset.images()) expect(annotations).toEqual([]);
    expect(dataset.notices.map(({ message, file }) => [message.split(':')[0], file.split('/').at(-1)])).toEqual([
      ['a label file without a picture', 'z.txt'],
      ['2 pictures without label files, the first', 'a.png'],
      ['an empty label file', 'c.txt'],
    ]);
  });

  it('an empty folder is an empty data set', async () => {
    expect((await opened({ 'images/val': null })).dataset.size).toBe(0);
  });
});
