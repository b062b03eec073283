/** Broken folders of masks and of classes, and folders that are no data set or more than one. */
import { plainPng, png } from './made-png.mjs';

const mask = 'masks/a.png';
const classes = 'background\ncat\n';

function maskKind(name, files, place, options) {
  const sound = { 'images/a.jpg': plainPng(2, 2), [mask]: plainPng(2, 2, 1), 'classes.txt': classes };
  const present = Object.entries({ ...sound, ...files }).filter(([, content]) => content !== undefined);
  return {
    name: `masks-${name}`,
    format: 'masks',
    files: Object.fromEntries(present),
    open: '',
    options,
    code: 'DATASET_INVALID',
    file: mask,
    ...place,
  };
}

const colors = JSON.stringify({ background: [0, 0, 0], cat: [255, 0, 0] }, null, 2);
const colorFiles = { 'classes.txt': undefined, 'classes.json': colors };

function classKind(name, files, place, options) {
  return { name: `imagenet-${name}`, format: 'imagenet', files, open: '', options, code: 'DATASET_INVALID', file: '', ...place };
}

export const brokenFolders = [
  maskKind('index', { [mask]: png({ width: 2, height: 2 }, [0, 1, 255, 7]) }, { field: 'pixel (1, 1)', says: ['0 to 1', '7'] }),
  maskKind(
    'palette-index',
    { [mask]: png({ width: 2, height: 2, kind: 'palette', depth: 4 }, [0, 1, 9, 0]) },
    { field: 'pixel (0, 1)', says: ['0 to 1', '9'] },
  ),
  maskKind('16-bits', { [mask]: png({ width: 2, height: 2, depth: 16 }, [0, 1, 1, 1]) }, { says: ['8 bits', '16'] }),
  maskKind('not-a-png', { [mask]: 'P2 2 2 255 0 1 1 1' }, { says: ['PNG'] }),
  maskKind('damaged', { [mask]: plainPng(2, 2).subarray(0, 50) }, { says: ['damaged'] }),
  maskKind(
    'colour-without-classes',
    { [mask]: png({ width: 2, height: 2, kind: 'rgb' }, Array(12).fill(0)) },
    { says: ['colours', 'classes.json'] },
  ),
  maskKind(
    'colour-unknown',
    { ...colorFiles, [mask]: png({ width: 2, height: 2, kind: 'rgb' }, [0, 0, 0, 255, 0, 0, 9, 8, 7, 0, 0, 0]) },
    { field: 'pixel (0, 1)', says: ['[9, 8, 7]'] },
  ),
  maskKind(
    'class-colour',
    { ...colorFiles, 'classes.json': colors.replace('255', '256') },
    { file: 'classes.json', field: 'cat', says: ['0 to 255', '[256, 0, 0]'] },
  ),
  maskKind(
    'class-colour-twice',
    { ...colorFiles, 'classes.json': colors.replace('255', '0') },
    { file: 'classes.json', field: 'cat', says: ['[0, 0, 0]', '"background"'] },
  ),
  maskKind('class-name-empty', { 'classes.txt': 'background\n\ncat\n' }, { file: 'classes.txt', line: 2, says: ['a name'] }),
  maskKind('class-name-twice', { 'classes.txt': 'cat\ncat\n' }, { file: 'classes.txt', line: 2, says: ['"cat"', 'line 1'] }),
  maskKind('no-classes', { 'classes.txt': undefined }, { file: '', says: ['classes.txt', 'labels'] }),
  maskKind('two-masks', { 'masks/a_mask.png': plainPng(2, 2) }, { file: 'masks/a_mask.png', says: ['masks/a.png', 'one mask'] }),
  maskKind('no-such-split', {}, { code: 'DATASET_NOT_FOUND', file: '', says: ['"val"'] }, { split: 'val' }),
  classKind(
    'no-such-split',
    { 'train/cat/a.png': plainPng(2, 2), 'test/cat/a.png': plainPng(2, 2) },
    { code: 'DATASET_NOT_FOUND', says: ['"val"', 'test, train'] },
    { split: 'val' },
  ),
  classKind(
    'class-not-named',
    { 'cat/a.png': plainPng(2, 2), 'dog/a.png': plainPng(2, 2) },
    { file: 'dog', says: ['"dog"', 'labels'] },
    { labels: ['cat', 'cow'] },
  ),
  classKind(
    'names-of-classes',
    { 'n00000001/a.png': plainPng(2, 2), 'synset_words.txt': 'n00000001 one\nnot-a-wnid two\n' },
    { file: 'synset_words.txt', line: 2, says: ['n00000001', '"not-a-wnid two"'] },
  ),
  {
    ...classKind(
      'two-layouts',
      { 'n01440764/a.png': plainPng(2, 2), 'n01443537_1.png': plainPng(2, 2) },
      { file: 'n01443537_1.png', says: ['folders'] },
    ),
  },
  {
    name: 'folder-of-two-formats',
    format: 'any',
    files: {
      'data.yaml': 'val: images\nnames: [cat]\n',
      'annotations.json': '{"images": [], "annotations": [], "categories": []}',
    },
    open: '',
    code: 'DATASET_UNSUPPORTED',
    file: '',
    says: ['yolo (data.yaml)', 'coco (annotations.json)'],
  },
  {
    name: 'folder-of-nothing',
    format: 'any',
    files: { 'notes.txt': 'nothing here' },
    open: '',
    code: 'DATASET_UNSUPPORTED',
    file: '',
    says: ['no data set'],
  },
];
