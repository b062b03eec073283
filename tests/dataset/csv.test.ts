import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { openDataset } from '../../lib/index.js';
import { folderWith } from './made-folders.js';
import { plainPng } from './made-png.mjs';
import { namesOf, readAll } from './read-all.js';

async function opened(text: string, options = {}, files: Record<string, Uint8Array> = {}) {
  const folder = await folderWith({ 'labels.csv': text, ...files });
  return { folder, ...(await readAll(join(folder, 'labels.csv'), options)) };
}

describe('CSV', () => {
  it('classes of pictures, one or several', async () => {
    const { dataset, images } = await opened('image,label,weather\nb.jpg,dog,rain\na.jpg,cat,\nb.jpg,cat,sun\nb.jpg,dog,\n');
    expect(dataset).toMatchObject({ format: 'csv', task: 'classify', size: 2 });
    expect(namesOf(dataset)).toEqual(['cat', 'dog']);
    expect(images).toMatchObject([
      { id: 0, name: 'b.jpg', categories: [1, 0], annotations: [], attributes: { weather: 'rain' } },
      { id: 1, name: 'a.jpg', categories: [0], attributes: {} },
    ]);
    expect(dataset.notices.map(({ message, line }) => [message.split(':')[0], line])).toEqual([
      ['a row that says what another does', 5],
      ['the pictures were not found, looked for in', undefined],
    ]);
  });

  it('boxes: corners in pixels', async () => {
    const { dataset, images } = await opened(
      'filename,width,height,class,xmin,ymin,xmax,ymax,difficult,pose\na.jpg,20,10,cat,1,2,4.5,6,1,left\na.jpg,20,10,dog,0,0,20,10,0,\nb.jpg,8,6,,,,,,,\n',
    );
    expect(dataset.task).toBe('detect');
    expect(images).toMatchObject([
      {
        width: 20,
        height: 10,
        annotations: [
          { category: 0, box: [1, 2, 3.5, 4], isCrowd: false, isIgnored: true, attributes: { pose: 'left' } },
          { category: 1, box: [0, 0, 20, 10], isIgnored: false, attributes: {} },
        ],
      },
      { width: 8, height: 6, annotations: [] },
    ]);
  });

  it.each([
    ['a byte order mark', '\ufeffimage,label\na.jpg,cat\n'],
    ['carriage returns', 'image,label\r\na.jpg,cat\r\n'],
    ['no end of the last line', 'image,label\na.jpg,cat'],
    ['empty lines', 'image,label\n\na.jpg,cat\n\n'],
    ['semicolons', 'image;label\na.jpg;cat\n'],
    ['tabs', 'image\tlabel\na.jpg\tcat\n'],
    ['quotes', '"image","label"\n"a.jpg","cat"\n'],
    ['spaces', ' image , label \n a.jpg , cat \n'],
    ['other names', 'Label,File_Name\ncat,./a.jpg\n'],
  ])('%s', async (_, text) => {
    const { dataset, images } = await opened(text);
    expect(namesOf(dataset)).toEqual(['cat']);
    expect(images).toMatchObject([{ name: 'a.jpg', categories: [0] }]);
  });

  it('quotes hold commas, quotes and line feeds', async () => {
    const { dataset, images } = await opened('image,label\n"ü, b.jpg","a ""big""\ncat"\n');
    expect(images[0]?.name).toBe('ü, b.jpg');
    expect(namesOf(dataset)).toEqual(['a "big"\ncat']);
  });

  it('numbers as classes are sorted as numbers', async () => {
    expect(namesOf((await opened('image,label\na.jpg,10\nb.jpg,9\n')).dataset)).toEqual(['9', '10']);
  });

  it('labels give the order', async () => {
    const { images, dataset } = await opened('image,label\na.jpg,cat\n', { labels: { 0: 'dog', 5: 'cat' } });
    expect(dataset.categories.map(({ id }) => id)).toEqual([0, 5]);
    expect(images[0]?.categories).toEqual([1]);
  });

  it('a column of splits', async () => {
    const text = 'image,label,set\na.jpg,cat,TRAIN\nb.jpg,dog,VALIDATION\n';
    expect((await opened(text)).images.map(({ name }) => name)).toEqual(['b.jpg']);
    expect((await opened(text, { split: 'train' })).images.map(({ name }) => name)).toEqual(['a.jpg']);
    await expect(opened(text, { split: 'test' })).rejects.toMatchObject({ code: 'DATASET_NOT_FOUND' });
  });

  it('corners in fractions are refused: nobody told the sizes', async () => {
    const text = 'image,label,xmin,ymin,xmax,ymax\na.jpg,cat,0.1,0.1,0.5,1\n';
    await expect(opened(text)).rejects.toMatchObject({
      code: 'DATASET_UNSUPPORTED',
      message: expect.stringContaining('fractions') as string,
    });
  });

  it('pictures beside the file, in images, or where the option says', async () => {
    const text = 'image,label\na.jpg,cat\n';
    const inside = await opened(text, {}, { 'images/a.jpg': plainPng(1, 1) });
    expect(inside.images[0]?.path).toBe(join(inside.folder, 'images/a.jpg'));
    expect(inside.dataset.notices).toEqual([]);
    const images = join(inside.folder, 'images');
    expect((await opened(text, { images })).images[0]?.path).toBe(join(images, 'a.jpg'));
  });

  it('only a header is an empty data set', async () => {
    expect((await opened('image,label\n')).dataset.size).toBe(0);
  });

  it('large files are streamed, and stop at the signal', async () => {
    const text = `image,label\n${Array.from({ length: 50_000 }, (_, i) => `größe ${i}.jpg,${i % 7}`).join('\n')}`;
    const { dataset, folder } = await opened(text);
    expect(dataset).toMatchObject({ size: 50_000 });
    await expect(openDataset(join(folder, 'labels.csv'), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });
});
