import { symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { openDataset, type DatasetOptions } from '../../lib/index.js';
import { folderWith } from './made-folders.js';
import { plainPng } from './made-png.mjs';

const picture = plainPng(2, 2);
const coco = '{"images": [], "annotations": [], "categories": []}';

it.each([
  ['coco', { 'a.json': coco, 'config.json': '{"model": 1}' }],
  [
    'coco',
    { 'annotations/instances_val2017.json': coco, 'annotations/instances_train2017.json': coco, 'val2017/a.jpg': picture },
    'val',
  ],
  ['coco', { 'train/_annotations.coco.json': coco, '_annotations.coco.json': coco }],
  ['yolo', { 'data.yaml': 'val: images\nnames: [a]\n', 'images/a.png': picture, 'labels/a.txt': '' }],
  ['yolo', { 'coco8.YAML': 'val: images\nnames: [a]\n', 'other.yaml': 'lr: 0.1\n', 'images/a.png': picture }],
  ['voc', { 'Annotations/a.xml': '<annotation/>', 'SegmentationClass/a.png': picture }],
  ['voc', { 'SegmentationClass/a.png': picture, 'JPEGImages/a.jpg': picture }],
  ['masks', { 'images/a.png': picture, 'masks/a.png': picture, 'classes.txt': 'a' }],
  ['csv', { 'labels.csv': 'image,label\n', 'a.jpg': picture }],
  ['imagenet', { 'cat/a.jpg': picture, 'dog/b.jpg': picture, 'readme.txt': '' }],
])('%s is recognised: %o', async (format, files, split?: string) => {
  const folder = await folderWith(files as unknown as Record<string, string | Uint8Array>);
  expect((await openDataset(folder, { split })).format).toBe(format);
});

it('the option decides between several', async () => {
  const folder = await folderWith({ 'a.json': coco, 'labels.csv': 'image,label\n', 'cat/a.jpg': picture });
  await expect(openDataset(folder)).rejects.toMatchObject({
    code: 'DATASET_UNSUPPORTED',
    message: expect.stringMatching(/coco \(a\.json\), csv \(labels\.csv\)/) as string,
    hint: expect.stringContaining('format') as string,
  });
  for (const format of ['coco', 'csv', 'imagenet'] as const) expect((await openDataset(folder, { format })).format).toBe(format);
});

it.each([
  [{ format: 'cocoo' }, 'INVALID_ARGUMENT', 'Did you mean "coco"?'],
  [{ formats: 'coco' }, 'UNKNOWN_OPTION', 'Did you mean "format"?'],
  [{ split: '../x' }, 'INVALID_ARGUMENT', undefined],
  [{ split: '' }, 'INVALID_ARGUMENT', undefined],
  [{ labels: ['a'] }, 'INVALID_ARGUMENT', 'It takes images, split.'],
  [{ task: 'segment' }, 'INVALID_ARGUMENT', 'It takes images, split.'],
  [{ signal: 5 }, 'INVALID_ARGUMENT', undefined],
])('refuses %o', async (options, code, hint) => {
  const folder = await folderWith({ 'a.json': coco });
  await expect(openDataset(folder, options as unknown as DatasetOptions)).rejects.toMatchObject({ code, hint });
});

it('a link that leads round in circles is not there', async () => {
  const folder = await folderWith({});
  await symlink('a.json', join(folder, 'a.json'));
  await expect(openDataset(join(folder, 'a.json'))).rejects.toMatchObject({
    code: 'DATASET_NOT_FOUND',
    details: { file: join(folder, 'a.json') },
  });
});

it('a path that is not there, and a file of no data set', async () => {
  const folder = await folderWith({ 'a.txt': 'x' });
  await expect(openDataset(join(folder, 'none'))).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
  await expect(openDataset(join(folder, 'a.txt'))).rejects.toMatchObject({ code: 'DATASET_UNSUPPORTED' });
  await expect(openDataset(join(folder, 'none'), { format: 'imagenet' })).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
  await expect(openDataset(5 as unknown as string)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
});
