import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { voc21 } from '../../lib/labels/index.js';
import { folderWith } from './made-folders.js';
import { plainPng, png } from './made-png.mjs';
import { namesOf, readAll } from './read-all.js';

const object = (name: string, more = '') =>
  `<object><name>${name}</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>2</ymax></bndbox>${more}</object>`;
const annotation = (...parts: string[]) =>
  `\ufeff<annotation>\r\n<filename>x.jpg</filename>\r\n${parts.join('\r\n')}</annotation>`;

describe('PASCAL VOC', () => {
  it('boxes count pixels from 1, the last included', async () => {
    const folder = await folderWith({ 'Annotations/a.xml': annotation(object('cat')) });
    const { images } = await readAll(folder);
    expect(images[0]?.annotations).toMatchObject([{ box: [0, 1, 3, 1] }]);
  });

  it('difficult objects are not counted; the rest are attributes', async () => {
    const part = '<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>';
    const more = `<pose>Left</pose><truncated>1</truncated><difficult>1</difficult><occluded>0</occluded>${part}<actions><other>0</other></actions>`;
    const folder = await folderWith({
      'Annotations/a.xml': annotation(
        '<size><width>8</width><height>6</height><depth>3</depth></size><source><database>VOC &amp; <![CDATA[<more>]]></database></source><segmented>0</segmented>',
        object('cat', more),
      ),
      'JPEGImages/a.JPG': plainPng(8, 6),
    });
    const { images, dataset } = await readAll(folder);
    expect(dataset.notices).toEqual([]);
    expect(images).toEqual([
      {
        id: 0,
        name: 'a.JPG',
        path: join(folder, 'JPEGImages/a.JPG'),
        width: 8,
        height: 6,
        categories: [],
        annotations: [
          {
            category: 7,
            box: [0, 1, 3, 1],
            isCrowd: false,
            isIgnored: true,
            attributes: {
              pose: 'Left',
              truncated: 1,
              occluded: 0,
              'part[0].name': 'head',
              'part[0].bndbox.xmin': 1,
              'part[0].bndbox.ymin': 1,
              'part[0].bndbox.xmax': 2,
              'part[0].bndbox.ymax': 2,
              'actions.other': 0,
            },
          },
        ],
        attributes: { 'source.database': 'VOC & <more>', segmented: 0 },
      },
    ]);
  });

  it.each([
    ["VOC's own, all of them, where there are no others", ['cat', 'dog'], undefined, 20],
    ['sorted, where there are others', ['zebra', 'cat'], undefined, ['cat', 'zebra']],
    ['those of the option', ['cat'], ['dog', 'cat'], ['dog', 'cat']],
  ])('classes are %s', async (_, inFile, labels, expected) => {
    const folder = await folderWith({ 'Annotations/a.xml': annotation(...inFile.map((name) => object(name))) });
    const names = namesOf((await readAll(folder, { labels })).dataset);
    if (typeof expected === 'number') expect(names).toHaveLength(expected);
    else expect(names).toEqual(expected);
  });

  it('a split is listed; lists of one class are not splits', async () => {
    const folder = await folderWith({
      'Annotations/a.xml': annotation(),
      'Annotations/b.xml': annotation(object('cat')),
      'Annotations/c.xml': 'broken, but in no list',
      'ImageSets/Main/train.txt': 'a\r\n\r\n',
      'ImageSets/Main/val.txt': 'b  1\n',
      'ImageSets/Main/cat_val.txt': 'b  1\n',
      'JPEGImages/a.jpg': plainPng(8, 6),
      'JPEGImages/d.jpg': plainPng(8, 6),
    });
    const { images, dataset } = await readAll(folder);
    expect(images.map(({ name, annotations }) => [name, annotations.length])).toEqual([['x.jpg', 1]]);
    expect(dataset.notices.map(({ message }) => message.split(':')[0])).toEqual([
      'an annotation file without a picture',
      'a picture without an annotation file',
    ]);
    expect((await readAll(folder, { split: 'train' })).images.map(({ name }) => name)).toEqual(['a.jpg']);
  });

  it('pixels: indices of the palette, 255 is not counted', async () => {
    const folder = await folderWith({
      'Annotations/a.xml': annotation(),
      'ImageSets/Segmentation/val.txt': 'b\n',
      'SegmentationClass/b.png': png({ width: 3, height: 2, kind: 'palette' }, [0, 20, 255, 7, 7, 0]),
    });
    const { dataset, images } = await readAll(folder, { task: 'segment' });
    expect(dataset.task).toBe('segment');
    expect(namesOf(dataset)).toEqual(voc21);
    expect(await images[0]?.labelMap?.()).toMatchObject({ width: 3, height: 2, data: new Uint8Array([0, 20, 255, 7, 7, 0]) });
  });
});
