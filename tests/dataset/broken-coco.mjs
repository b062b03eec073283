/** Broken COCO files. Every element stands in a line of its own: annotations[0] in line 7, annotations[1] in line 8. */

const file = 'annotations.json';

function sound() {
  return {
    images: [
      { id: 1, file_name: 'a.jpg', width: 8, height: 6 },
      { id: 2, file_name: 'b.jpg', width: 8, height: 6 },
    ],
    annotations: [
      { id: 10, image_id: 1, category_id: 3, bbox: [1, 1, 4, 3], area: 12, iscrowd: 0 },
      { id: 11, image_id: 2, category_id: 5, bbox: [0, 0, 2, 2], area: 4, iscrowd: 0 },
    ],
    categories: [
      { id: 3, name: 'cat' },
      { id: 5, name: 'dog' },
    ],
  };
}

function written(document) {
  const lists = Object.entries(document).map(([key, value]) => {
    const text = Array.isArray(value)
      ? `[\n${value.map((element) => JSON.stringify(element)).join(',\n')}\n]`
      : JSON.stringify(value);
    return `${JSON.stringify(key)}: ${text}`;
  });
  return `{\n${lists.join(',\n')}\n}\n`;
}

/** A sound document, changed. */
function changed(change) {
  const document = sound();
  change(document);
  return written(document);
}

function kind(name, content, place) {
  return {
    name: `coco-${name}`,
    format: 'coco',
    files: { [file]: content },
    open: file,
    code: 'DATASET_INVALID',
    file,
    ...place,
  };
}

const text = written(sound());
const first = (change) => changed(({ annotations }) => Object.assign(annotations[0], change));
const rle = (segmentation) => first({ segmentation, iscrowd: 1 });
const posed = (annotation, category = { keypoints: ['nose', 'tail'], skeleton: [[1, 2]] }) =>
  changed(({ annotations, categories }) => {
    Object.assign(annotations[0], annotation);
    Object.assign(categories[0], category);
  });

export const brokenCoco = [
  kind('truncated', text.slice(0, text.indexOf('"id":11') + 20), {
    line: 8,
    field: 'annotations[1]',
    says: ['the file ends'],
  }),
  kind('syntax', text.replace('[1,1,4,3]', '[1,1 4,3]'), { line: 7, field: 'annotations[0]', says: ['JSON', 'column 51'] }),
  kind('not-a-number', text.replace('[1,1,4,3]', '[1,NaN,4,3]'), { line: 7, field: 'annotations[0]', says: ['JSON', 'NaN'] }),
  kind('missing-comma', text.replace('},\n{"id":11', '}\n{"id":11'), { line: 8, field: 'annotations', says: ['","'] }),
  kind('empty-file', '', { line: 1, says: ['an object', 'the file ends'] }),
  kind('list-file', '[]', { line: 1, says: ['an object', '"["'] }),
  kind('utf-16', Buffer.from(`\ufeff${text}`, 'utf16le'), { says: ['UTF-8', 'UTF-16'] }),
  kind('latin-1', Buffer.from(text.replace('"cat"', '"k\u00e4t"'), 'latin1'), {
    line: 11,
    field: 'categories[0]',
    says: ['UTF-8'],
  }),
  kind(
    'images-not-a-list',
    changed((document) => (document.images = {})),
    { line: 2, field: 'images', says: ['a list'] },
  ),
  kind(
    'no-categories',
    changed((document) => delete document.categories),
    { field: 'categories', says: ['a list'] },
  ),
  kind(
    'image-is-a-number',
    changed(({ images }) => (images[1] = 5)),
    { line: 4, field: 'images[1]', says: ['an object', '5'] },
  ),
  kind(
    'image-id-text',
    changed(({ images }) => (images[0].id = '1')),
    { line: 3, field: 'images[0].id', says: ['an integer', '"1"'] },
  ),
  kind(
    'image-id-twice',
    changed(({ images }) => (images[1].id = 1)),
    { line: 4, field: 'images[1].id', says: ['1', 'images[0]'] },
  ),
  kind(
    'file-name-twice',
    changed(({ images }) => (images[1].file_name = 'a.jpg')),
    { line: 4, field: 'images[1].file_name', says: ['"a.jpg"', 'images[0]'] },
  ),
  kind(
    'no-file-name',
    changed(({ images }) => delete images[1].file_name),
    { line: 4, field: 'images[1].file_name', says: ['the name of a file', 'undefined'] },
  ),
  kind(
    'file-name-leads-out',
    changed(({ images }) => (images[1].file_name = '../../b.jpg')),
    { line: 4, field: 'images[1].file_name', says: ['"../../b.jpg"', 'the folder of pictures'] },
  ),
  kind(
    'width-zero',
    changed(({ images }) => (images[0].width = 0)),
    { line: 3, field: 'images[0].width', says: ['at least 1', '0'] },
  ),
  kind(
    'category-id-twice',
    changed(({ categories }) => (categories[1].id = 3)),
    { line: 12, field: 'categories[1].id', says: ['3', 'categories[0]'] },
  ),
  kind(
    'category-without-name',
    changed(({ categories }) => delete categories[1].name),
    { line: 12, field: 'categories[1].name', says: ['a name', 'undefined'] },
  ),
  kind(
    'annotation-id-twice',
    changed(({ annotations }) => (annotations[1].id = 10)),
    { line: 8, field: 'annotations[1].id', says: ['10', 'annotations[0]'] },
  ),
  kind('unknown-image', first({ image_id: 99 }), { line: 7, field: 'annotations[0].image_id', says: ['99', 'images'] }),
  kind('no-image-id', first({ image_id: undefined }), { line: 7, field: 'annotations[0].image_id', says: ['undefined'] }),
  kind('unknown-category', first({ category_id: 4 }), {
    line: 7,
    field: 'annotations[0].category_id',
    says: ['4', 'categories'],
  }),
  kind('box-short', first({ bbox: [1, 2, 3] }), { line: 7, field: 'annotations[0].bbox', says: ['four numbers', '[1, 2, 3]'] }),
  kind('box-text', first({ bbox: [1, 2, '3', 4] }), { line: 7, field: 'annotations[0].bbox[2]', says: ['a number', '"3"'] }),
  kind('box-infinite', first({}).replace('[1,1,4,3]', '[1e999,1,4,3]'), {
    line: 7,
    field: 'annotations[0].bbox[0]',
    says: ['a finite number', 'Infinity'],
  }),
  kind('box-negative', first({ bbox: [4, 4, -2, 2] }), { line: 7, field: 'annotations[0].bbox[2]', says: ['at least 0', '-2'] }),
  kind('nothing-labelled', first({ bbox: undefined }), {
    line: 7,
    field: 'annotations[0]',
    says: ['bbox, segmentation or keypoints'],
  }),
  kind('crowd-two', first({ iscrowd: 2 }), { line: 7, field: 'annotations[0].iscrowd', says: ['0 or 1', '2'] }),
  kind('area-negative', first({ area: -1 }), { line: 7, field: 'annotations[0].area', says: ['at least 0', '-1'] }),
  kind('polygon-odd', first({ segmentation: [[1, 1, 2, 2, 3, 1, 4]] }), {
    line: 7,
    field: 'annotations[0].segmentation[0]',
    says: ['x and y in turn', '7'],
  }),
  kind('polygon-short', first({ segmentation: [[1, 1, 2, 2]] }), {
    line: 7,
    field: 'annotations[0].segmentation[0]',
    says: ['at least 6 numbers', '4'],
  }),
  kind('polygon-null', first({ segmentation: [[1, 1, 2, null, 3, 1]] }), {
    line: 7,
    field: 'annotations[0].segmentation[0][3]',
    says: ['a number', 'null'],
  }),
  kind('runs-sum', rle({ size: [6, 8], counts: [10, 5, 30] }), {
    line: 7,
    field: 'annotations[0].segmentation.counts',
    says: ['48', '45'],
  }),
  kind('runs-negative', rle({ size: [6, 8], counts: [50, -2] }), {
    line: 7,
    field: 'annotations[0].segmentation.counts[1]',
    says: ['at least 0', '-2'],
  }),
  kind('runs-other-size', rle({ size: [8, 6], counts: [48] }), {
    line: 7,
    field: 'annotations[0].segmentation.size',
    says: ['[6, 8]', '[8, 6]'],
  }),
  kind('runs-compressed-cut', rle({ size: [6, 8], counts: 'P' }), {
    line: 7,
    field: 'annotations[0].segmentation.counts',
    says: ['run-length', '"P"'],
  }),
  kind('runs-compressed-letter', rle({ size: [6, 8], counts: '`~1' }), {
    line: 7,
    field: 'annotations[0].segmentation.counts',
    says: ['run-length', '"~"'],
  }),
  kind('keypoints-length', posed({ keypoints: [1, 1, 2, 3] }), {
    line: 7,
    field: 'annotations[0].keypoints',
    says: ['6 numbers', '4'],
  }),
  kind('keypoints-visibility', posed({ keypoints: [1, 1, 2, 3, 3, 5] }), {
    line: 7,
    field: 'annotations[0].keypoints[5]',
    says: ['0, 1 or 2', '5'],
  }),
  kind('skeleton', posed({}, { keypoints: ['nose', 'tail'], skeleton: [[1, 3]] }), {
    line: 11,
    field: 'categories[0].skeleton[0]',
    says: ['1 to 2', '3'],
  }),
  { ...kind('no-file', text, { code: 'DATASET_NOT_FOUND', file: 'other.json', says: ['no such file'] }), open: 'other.json' },
  {
    ...kind('folder-for-file', null, { code: 'DATASET_UNSUPPORTED', says: ['no data set'] }),
    files: { [file]: null },
  },
];
