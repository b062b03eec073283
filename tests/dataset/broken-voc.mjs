/** Broken PASCAL VOC data sets: one of two annotation files, or a list of a split, is wrong. */
import { plainPng, png } from './made-png.mjs';

const file = 'Annotations/b.xml';

const xml = (name) => `<?xml version="1.0"?>
<annotation>
  <filename>${name}.jpg</filename>
  <size><width>8</width><height>6</height><depth>3</depth></size>
  <object>
    <name>cat</name>
    <difficult>0</difficult>
    <bndbox>
      <xmin>2</xmin>
      <ymin>2</ymin>
      <xmax>5</xmax>
      <ymax>4</ymax>
    </bndbox>
  </object>
</annotation>
`;

function kind(name, content, place, { files = {}, options } = {}) {
  return {
    name: `voc-${name}`,
    format: 'voc',
    files: {
      'Annotations/a.xml': xml('a'),
      [file]: content,
      'ImageSets/Main/val.txt': 'a\nb\n',
      'JPEGImages/a.jpg': plainPng(8, 6),
      'JPEGImages/b.jpg': plainPng(8, 6),
      ...files,
    },
    open: '',
    options,
    code: 'DATASET_INVALID',
    file,
    ...place,
  };
}

const replaced = (from, to) => xml('b').replace(from, to);

function fieldKind(name, from, to, line, field, says, extra) {
  return kind(name, replaced(from, to), { line, field, says }, extra);
}

export const brokenVoc = [
  kind('tag-not-closed', replaced('</ymin>', ''), { line: 10, says: ['XML', '<ymin>', 'not closed'] }),
  kind('truncated', xml('b').slice(0, 150), { line: 5, says: ['XML', '<object>', 'not closed'] }),
  kind('other-root', '<svg></svg>', { line: 1, says: ['<annotation>', '<svg>'] }),
  kind('empty-file', '', { says: ['<annotation>'] }),
  fieldKind('no-box', /<bndbox>[^]*<\/bndbox>/, '', 5, 'object[0].bndbox', ['a box', 'undefined']),
  fieldKind('no-name', '<name>cat</name>', '', 5, 'object[0].name', ['a name', 'undefined']),
  fieldKind('box-text', '<xmin>2<', '<xmin>left<', 9, 'object[0].bndbox.xmin', ['a number', '"left"']),
  fieldKind('box-not-a-number', '<ymax>4<', '<ymax>NaN<', 12, 'object[0].bndbox.ymax', ['a number', '"NaN"']),
  fieldKind('box-corner-missing', '<ymin>2</ymin>', '', 8, 'object[0].bndbox.ymin', ['a number', 'undefined']),
  fieldKind('box-turned', '<xmax>5<', '<xmax>1<', 11, 'object[0].bndbox.xmax', ['at least xmin', '1']),
  fieldKind('size-zero', '<width>8<', '<width>0<', 4, 'size.width', ['at least 1', '0']),
  fieldKind('difficult', '<difficult>0<', '<difficult>maybe<', 7, 'object[0].difficult', ['0 or 1', '"maybe"']),
  fieldKind('class-unknown', 'cat', 'cow', 6, 'object[0].name', ['"cow"', 'labels'], { options: { labels: ['cat', 'dog'] } }),
  kind(
    'listed-without-annotation',
    xml('b'),
    { code: 'DATASET_NOT_FOUND', file: 'ImageSets/Main/val.txt', line: 3, says: ['Annotations/c.xml'] },
    { files: { 'ImageSets/Main/val.txt': 'a\nb\nc\n' } },
  ),
  kind(
    'no-such-split',
    xml('b'),
    { code: 'DATASET_NOT_FOUND', file: 'ImageSets/Main', says: ['"test"', 'val'] },
    { options: { split: 'test' } },
  ),
  kind(
    'mask-index',
    xml('b'),
    { file: 'SegmentationClass/a.png', field: 'pixel (1, 0)', says: ['0 to 20', '21'] },
    {
      files: {
        'ImageSets/Segmentation/val.txt': 'a\n',
        'SegmentationClass/a.png': png({ width: 2, height: 1, kind: 'palette' }, [255, 21]),
      },
      options: { task: 'segment' },
    },
  ),
];
