import { symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { openDataset } from '../../lib/index.js';
import { imagenet1000 } from '../../lib/labels/index.js';
import { folderWith } from './made-folders.js';
import { plainPng, png } from './made-png.mjs';
import { namesOf, readAll } from './read-all.js';

const picture = plainPng(2, 2);

/** Of each picture, its name and that of its class. */
async function classesOf(folder: string, options = {}) {
  const { dataset, images } = await readAll(folder, options);
  expect(dataset).toMatchObject({ task: 'classify', size: images.length });
  return images.map(({ name, categories }) => [name, ...categories.map((place) => dataset.categories[place]?.name)]);
}

describe('folders of classes', () => {
  it('classes are sorted by their names, as code points', async () => {
    const folder = await folderWith({ 'b/1.PNG': picture, 'a b/x/2.png': picture, 'Z/3.png': picture, 'ü/4.png': picture });
    expect(namesOf(await openDataset(folder))).toEqual(['Z', 'a b', 'b', 'ü']);
    expect(await classesOf(folder)).toEqual([
      ['Z/3.png', 'Z'],
      ['a b/x/2.png', 'a b'],
      ['b/1.PNG', 'b'],
      ['ü/4.png', 'ü'],
    ]);
  });

  it('in folders of splits', async () => {
    const folder = await folderWith({ 'train/a/1.png': picture, 'val/a/2.png': picture, 'val/b/3.png': picture });
    expect(await classesOf(folder)).toEqual([
      ['a/2.png', 'a'],
      ['b/3.png', 'b'],
    ]);
    expect(await classesOf(folder, { split: 'train' })).toEqual([['a/1.png', 'a']]);
    const besides = await folderWith({ 'notes/x.txt': '', 'val/a/1.png': picture, 'train/a/2.png': picture });
    expect(await classesOf(besides)).toEqual([['a/1.png', 'a']]);
    expect(await classesOf(await folderWith({ 'test/1.png': picture, 'a/2.png': picture }))).toEqual([
      ['a/2.png', 'a'],
      ['test/1.png', 'test'],
    ]);
  });

  it('identifiers of ILSVRC 2012 stand for its 1000 classes, however few there are', async () => {
    const folder = await folderWith({ 'n02012849/1.JPEG': picture, 'n01440764/2.JPEG': picture, 'n03126707/3.JPEG': picture });
    const { dataset, images } = await readAll(folder);
    expect(namesOf(dataset)).toEqual(imagenet1000);
    // The crane that is a bird, and the one that is a machine.
    expect(images.map(({ categories }) => categories)).toEqual([[0], [134], [517]]);
    expect(dataset.categories[134]).toEqual({ id: 134, name: 'crane', wnid: 'n02012849' });
    const labelled = await readAll(folder, { labels: imagenet1000.map((name) => `a ${name}`) });
    expect(labelled.images.map(({ categories }) => categories)).toEqual([[0], [134], [517]]);
  });

  it('identifiers in the names of pictures', async () => {
    const folder = await folderWith({ '0000_n01440764_tench.JPEG': picture, 'n01443537_17.png': picture, 'other.png': picture });
    expect(await classesOf(folder)).toEqual([
      ['0000_n01440764_tench.JPEG', 'tench'],
      ['n01443537_17.png', 'goldfish'],
    ]);
  });

  it('other identifiers are named by a list, or by the names of pictures', async () => {
    const pictures = { 'n00000001_some_thing.png': picture, 'n00000002_5.png': picture };
    expect(await classesOf(await folderWith(pictures))).toEqual([
      ['n00000001_some_thing.png', 'some thing'],
      ['n00000002_5.png', 'n00000002'],
    ]);
    const listed = await folderWith({ ...pictures, 'synset_words.txt': 'n00000001 one, first\nn00000002 two\n' });
    expect(namesOf(await openDataset(listed))).toEqual(['one, first', 'two']);
  });

  it('labels give the order, and classes that are not there', async () => {
    const folder = await folderWith({ 'a/1.png': picture, 'b/2.png': picture });
    expect((await readAll(folder, { labels: ['c', 'b', 'a'] })).images.map(({ categories }) => categories)).toEqual([[2], [1]]);
  });

  it('what is no picture is noticed, links are followed, and none for ever', async () => {
    const folder = await folderWith({ 'a/1.png': picture, 'a/notes.txt': 'x', 'a/.hidden.png': picture, b: null });
    await symlink(join(folder, 'a'), join(folder, 'a/round'));
    await symlink(join(folder, 'a/1.png'), join(folder, 'b/link.png'));
    const { dataset } = await readAll(folder);
    expect(await classesOf(folder)).toEqual([
      ['a/1.png', 'a'],
      ['b/link.png', 'b'],
    ]);
    expect(dataset.notices.map(({ message }) => message.split(':')[0])).toEqual(['a file that is no picture']);
  });
});

describe('masks', () => {
  const mapOf = async (files: Record<string, string | Uint8Array>, options = {}) => {
    const folder = await folderWith({ 'images/a.jpg': picture, ...files });
    const { dataset, images } = await readAll(folder, options);
    const map = await images[0]?.labelMap?.();
    return { dataset, images, pixels: [...(map?.data ?? [])] };
  };
  const three = { labels: ['x', 'y', 'z'] };

  it.each([
    ['palette', 8],
    ['palette', 4],
    ['palette', 2],
    ['grey', 8],
    ['grey', 4],
    ['grey', 2],
  ] as const)('indices are those of the file: %s of %i bits', async (kind, depth) => {
    const samples = [0, 1, 2, 2, 1, 0, 0, 2, 1, 1];
    const { pixels } = await mapOf({ 'masks/a.png': png({ width: 5, height: 2, kind, depth }, samples) }, three);
    expect(pixels).toEqual(samples);
  });

  it.each(['palette', 'grey'] as const)('%s of one bit', async (kind) => {
    const { pixels } = await mapOf({ 'masks/a.png': png({ width: 3, height: 2, kind, depth: 1 }, [0, 1, 1, 1, 0, 1]) }, three);
    expect(pixels).toEqual([0, 1, 1, 1, 0, 1]);
  });

  it('colours, of JSON or of CVAT', async () => {
    const mask = png({ width: 3, height: 1, kind: 'rgb' }, [255, 0, 0, 0, 0, 0, 255, 0, 1]);
    const json = JSON.stringify({ none: [0, 0, 0], car: [255, 0, 1], bus: [255, 0, 0] });
    const { dataset, pixels } = await mapOf({ 'masks/a.png': mask, 'classes.json': json });
    expect(pixels).toEqual([2, 0, 1]);
    expect(dataset.categories[1]).toEqual({ id: 1, name: 'car', color: [255, 0, 1] });
    const cvat = '# label:color_rgb:parts:actions\nnone:0,0,0::\ncar:255,0,1::\nbus:255,0,0::\n';
    expect((await mapOf({ 'masks/a.png': mask, 'labelmap.txt': cvat })).pixels).toEqual([2, 0, 1]);
  });

  it('ids with gaps, and one that is not counted', async () => {
    const mask = png({ width: 4, height: 1 }, [0, 7, 33, 255]);
    const { dataset, pixels } = await mapOf({ 'masks/a.png': mask, 'classes.json': '{"33": "car", "0": null, "7": "road"}' });
    expect(namesOf(dataset)).toEqual(['road', 'car']);
    expect(dataset.categories.map(({ id }) => id)).toEqual([7, 33]);
    expect(pixels).toEqual([255, 0, 1, 255]);
  });

  it.each([
    ['in folders', { 'images/a.jpg': picture, 'masks/a.png': picture }, undefined],
    [
      'in folders of splits',
      { 'images/val/a.jpg': picture, 'images/train/b.jpg': picture, 'masks/val/a.png': picture, 'masks/train/b.png': picture },
      undefined,
    ],
    [
      'with splits around',
      { 'val/images/a.jpg': picture, 'val/masks/a.png': picture, 'train/images/b.jpg': picture, 'train/masks/b.png': picture },
      'val',
    ],
    ['with a suffix', { 'images/a.jpg': picture, 'masks/a_mask.PNG': picture }, undefined],
    ['side by side', { 'a.jpg': picture, 'a-mask.png': picture }, undefined],
    ["named as ADE20K's", { 'images/a.jpg': picture, 'annotations/a.png': picture }, undefined],
  ])('%s', async (_, files, split) => {
    const folder = await folderWith({ ...files, 'classes.txt': 'background\ncat\n' } as Record<string, string | Uint8Array>);
    const { images, dataset } = await readAll(folder, { split });
    expect(images.map(({ name }) => name)).toEqual(['a.jpg']);
    expect(dataset).toMatchObject({ format: 'masks', task: 'segment', notices: [] });
  });

  it('a name that ends as masks do is a name where the picture has it', async () => {
    const folder = await folderWith({ 'images/a_mask.jpg': picture, 'masks/a_mask.png': picture, 'classes.txt': 'x' });
    expect((await readAll(folder)).dataset).toMatchObject({ size: 1, notices: [] });
  });

  it('what has no partner is noticed', async () => {
    const folder = await folderWith({
      'images/a.jpg': picture,
      'images/b.jpg': picture,
      'masks/a.png': picture,
      'masks/c.png': picture,
      'classes.txt': 'x',
    });
    expect((await openDataset(folder)).notices.map(({ message }) => message.split(':')[0])).toEqual([
      'a picture without a mask, left out',
      'a mask without a picture',
    ]);
  });

  it('reading stops at the signal', async () => {
    const { images } = await mapOf({ 'masks/a.png': picture }, three);
    await expect(images[0]?.labelMap?.(AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
