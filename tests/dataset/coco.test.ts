import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { describe, expect, it } from 'vitest';

import { openDataset } from '../../lib/index.js';
import { folderWith } from './made-folders.js';
import { plainPng } from './made-png.mjs';
import { namesOf, readAll } from './read-all.js';

const categories = [
  { id: 18, name: 'dog', supercategory: 'animal' },
  { id: 1, name: 'person', supercategory: 'person', keypoints: ['nose', 'eye', 'ear'], skeleton: [[1, 2], [2, 3]] }, // prettier-ignore
  { id: 90, name: 'toothbrush' },
];
const images = [{ id: 7, file_name: 'a.jpg', width: 20, height: 10, license: 4, date_captured: '2013-11-14' }];

async function opened(document: object, files: Record<string, string | Uint8Array> = {}) {
  const folder = await folderWith({ 'annotations.json': JSON.stringify(document), ...files });
  return { folder, ...(await readAll(join(folder, 'annotations.json'))) };
}

/** The annotation that this one becomes. */
async function annotation(raw: object) {
  const { images: read } = await opened({ images, annotations: [{ id: 1, image_id: 7, category_id: 1, ...raw }], categories });
  return read[0]?.annotations[0];
}

describe('COCO', () => {
  it('categories come by ascending id, with gaps closed', async () => {
    const { dataset } = await opened({ images, annotations: [], categories });
    expect(namesOf(dataset)).toEqual(['person', 'dog', 'toothbrush']);
    expect(dataset.categories.map(({ id }) => id)).toEqual([1, 18, 90]);
    expect(dataset.categories[0]).toMatchObject({ keypoints: ['nose', 'eye', 'ear'], skeleton: [[0, 1], [1, 2]] }); // prettier-ignore
    expect(dataset).toMatchObject({ format: 'coco', task: 'detect', size: 1 });
  });

  it('what the format knows has fields, what else is there are attributes', async () => {
    const read = await annotation({
      bbox: [1.5, 2, 3, 4.25],
      segmentation: [[1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 1, 1, 0, 1]], // prettier-ignore
      area: 12.5,
      iscrowd: 0,
      keypoints: [1, 2, 2, 3, 4, 1, 0, 0, 0],
      num_keypoints: 2,
      ignore: 1,
      score: 0.5,
      attributes: { occluded: true, 'side view': 'left', nothing: null },
      tags: ['x', 'y'],
      __proto__: null,
    });
    expect(read).toEqual({
      id: 1,
      category: 0,
      box: [1.5, 2, 3, 4.25],
      segmentation: [[1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 1, 1, 0, 1]], // prettier-ignore
      area: 12.5,
      isCrowd: false,
      isIgnored: false,
      keypoints: [1, 2, 2, 3, 4, 1, 0, 0, 0],
      attributes: { ignore: 1, score: 0.5, 'attributes.occluded': true, 'attributes.side view': 'left', tags: '["x","y"]' },
    });
    const { images: read2 } = await opened({ images, annotations: [], categories });
    expect(read2[0]).toMatchObject({
      id: 7,
      name: 'a.jpg',
      width: 20,
      height: 10,
      attributes: { license: 4, date_captured: '2013-11-14' },
    });
  });

  it('runs, compressed or not, are kept as they are', async () => {
    const plain = { size: [10, 20], counts: [3, 5, 192] };
    expect(await annotation({ segmentation: plain, iscrowd: 1 })).toMatchObject({
      isCrowd: true,
      segmentation: plain,
      box: undefined,
    });
    // pycocotools.mask.encode of the same.
    const compressed = { size: [10, 20], counts: '35P6' };
    expect(await annotation({ segmentation: compressed, bbox: [0, 3, 1, 5] })).toMatchObject({ segmentation: compressed });
  });

  it('without a box, it is that around the polygons', async () => {
    expect(await annotation({ segmentation: [[4, 5, 9, 5, 9, 8], [2, 6, 3, 6, 3, 7]] })).toMatchObject({ box: [2, 5, 7, 3] }); // prettier-ignore
    expect(await annotation({ segmentation: [], bbox: [1, 1, 0, 0] })).toMatchObject({
      box: [1, 1, 0, 0],
      segmentation: undefined,
    });
  });

  it('optional fields may be missing or null', async () => {
    const { dataset, images: read } = await opened({
      annotations: [{ image_id: 0, category_id: 0, bbox: [0, 0, 1, 1], area: null, segmentation: null, keypoints: null }],
      categories: [{ id: 0, name: 'x', supercategory: null, keypoints: null }],
      images: [{ id: 0, file_name: 'sub folder\\/grün.JPG'.replace('\\', ''), width: null }],
    });
    expect(read[0]).toMatchObject({ id: 0, name: 'sub folder/grün.JPG', width: undefined, height: undefined });
    expect(read[0]?.annotations[0]).toMatchObject({ id: undefined, area: undefined, isCrowd: false });
    expect(dataset.notices.map(({ message }) => message)).toEqual([expect.stringContaining('the pictures were not found')]);
  });

  it('an empty data set, and one without annotations', async () => {
    expect((await opened({ images: [], annotations: [], categories: [] })).dataset).toMatchObject({ size: 0, categories: [] });
    const { dataset } = await opened({ images, categories }, { 'a.jpg': plainPng(20, 10) });
    expect(dataset.notices).toEqual([
      { file: dataset.path, field: 'annotations', message: expect.stringMatching(/^no annotations: /) as string },
    ]);
  });

  it('boxes that reach out of their pictures are told once, with how many', async () => {
    const box = (bbox: number[], id: number) => ({ id, image_id: 7, category_id: 1, bbox });
    const { dataset } = await opened(
      { images, annotations: [[0, 0, 20.5, 10], [15, 0, 10, 5], [-3, 0, 5, 5]].map(box), categories }, // prettier-ignore
      { 'a.jpg': plainPng(20, 10) },
    );
    expect(dataset.notices).toHaveLength(1);
    expect(dataset.notices[0]).toMatchObject({ field: 'annotations[1].bbox', line: 1 });
    expect(dataset.notices[0]?.message).toMatch(/^2 annotations whose boxes reach out of their pictures, the first: /);
  });

  it('pictures are looked for where COCO has them, or where the option says', async () => {
    const document = JSON.stringify({ images, annotations: [], categories });
    const folder = await folderWith({
      'annotations/instances_val2017.json': document,
      'val2017/a.jpg': plainPng(20, 10),
      'other/a.jpg': plainPng(20, 10),
    });
    const file = join(folder, 'annotations/instances_val2017.json');
    expect((await readAll(file)).images[0]?.path).toBe(join(folder, 'val2017/a.jpg'));
    const named = await readAll(pathToFileURL(file).href, { images: join(folder, 'other') });
    expect(named.images[0]?.path).toBe(join(folder, 'other/a.jpg'));
    await expect(openDataset(file, { images: join(folder, 'none') })).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
    await symlink(file, join(folder, 'link.json'));
    expect((await openDataset(join(folder, 'link.json'))).size).toBe(1);
  });

  it('can be gone through twice, and stops at the signal', async () => {
    const { dataset } = await opened({ images, annotations: [], categories });
    const names = [];
    for await (const { name } of dataset.images()) names.push(name);
    expect(names).toEqual(['a.jpg']);
    await expect(dataset.images(AbortSignal.abort('enough'))[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await expect(openDataset(dataset.path, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
