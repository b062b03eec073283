/** Broken YOLO data sets: one picture of 8 x 6 pixels whose label file, or whose data.yaml, is wrong. */
import { plainPng } from './made-png.mjs';

const labels = 'labels/val/a.txt';
const yaml = 'path: .\nval: images/val\nnames:\n  0: cat\n  1: dog\n';
const good = '0 0.5 0.5 0.25 0.25\n';

function kind(name, { data = yaml, lines = good, files = {} }, place) {
  const sound = { 'data.yaml': data, 'images/val/a.png': plainPng(8, 6), [labels]: lines };
  return { name: `yolo-${name}`, format: 'yolo', files: { ...sound, ...files }, open: '', code: 'DATASET_INVALID', ...place };
}

/** A second line that is wrong. */
function lineKind(name, line, field, says, data = yaml) {
  return kind(
    name,
    { data, lines: `${data === yaml ? good : ''}${line}\n` },
    { file: labels, line: data === yaml ? 2 : 1, field, says },
  );
}

const pose = `${yaml}kpt_shape: [2, 3]\n`;

export const brokenYolo = [
  lineKind('columns', '0 0.5 0.5 0.2', undefined, ['5 numbers', '4']),
  lineKind('class-fraction', '1.5 0.5 0.5 0.2 0.2', 'class', ['0 to 1', '"1.5"']),
  lineKind('class-unknown', '2 0.5 0.5 0.2 0.2', 'class', ['0 to 1', '"2"']),
  lineKind('class-negative', '-1 0.5 0.5 0.2 0.2', 'class', ['0 to 1', '"-1"']),
  lineKind('pixels', '0 4 3 2 2', 'x', ['0 to 1', '"4"']),
  lineKind('not-a-number', '0 0.5 nan 0.2 0.2', 'y', ['0 to 1', '"nan"']),
  lineKind('text', '0 0.5 0.5 wide 0.2', 'width', ['0 to 1', '"wide"']),
  lineKind('comma', '0, 0.5, 0.5, 0.2, 0.2', 'class', ['"0,"']),
  lineKind('negative-height', '0 0.5 0.5 0.2 -0.2', 'height', ['0 to 1', '"-0.2"']),
  lineKind('polygon-odd', '0 0.1 0.1 0.2 0.1 0.2 0.2 0.3', undefined, ['x and y in turn', '7']),
  lineKind('polygon-outside', '0 0.1 0.1 0.2 0.1 0.2 1.7', 'y3', ['0 to 1', '"1.7"']),
  lineKind('keypoints-missing', '0 0.5 0.5 0.2 0.2 0.5 0.5 2', undefined, ['11 numbers', '8'], pose),
  lineKind('keypoints-visibility', '0 0.5 0.5 0.2 0.2 0.5 0.5 7 0 0 0', 'visibility1', ['0, 1 or 2', '"7"'], pose),
  kind('labels-utf-16', { lines: Buffer.from(`\ufeff${good}`, 'utf16le') }, { file: labels, says: ['UTF-8', 'UTF-16'] }),
  kind('labels-folder', { files: { [labels]: null } }, { code: 'DATASET_NOT_FOUND', file: labels, says: ['a folder'] }),
  kind('yaml-syntax', { data: 'val: images/val\nnames: [cat, dog\n' }, { file: 'data.yaml', line: 3, says: ['YAML'] }),
  kind('yaml-list', { data: '- cat\n- dog\n' }, { file: 'data.yaml', line: 1, says: ['a map'] }),
  kind('no-names', { data: 'val: images/val\n' }, { file: 'data.yaml', field: 'names', says: ['undefined'] }),
  kind(
    'names-gap',
    { data: 'val: images/val\nnames:\n  0: cat\n  2: dog\n' },
    { file: 'data.yaml', line: 3, field: 'names', says: ['0 to 1'] },
  ),
  kind(
    'names-number',
    { data: 'val: images/val\nnames: 2\n' },
    { file: 'data.yaml', line: 2, field: 'names', says: ['a list or a map'] },
  ),
  kind('class-count', { data: `${yaml}nc: 3\n` }, { file: 'data.yaml', line: 6, field: 'nc', says: ['3', '2 names'] }),
  kind(
    'keypoint-shape',
    { data: `${yaml}kpt_shape: [17]\n` },
    { file: 'data.yaml', line: 6, field: 'kpt_shape', says: ['[17]'] },
  ),
  kind(
    'split-folder-missing',
    { data: yaml.replace('images/val', 'images/validation') },
    { code: 'DATASET_NOT_FOUND', file: 'data.yaml', line: 2, field: 'val', says: ['images/validation'] },
  ),
  kind('split-number', { data: yaml.replace('images/val', '5') }, { file: 'data.yaml', line: 2, field: 'val', says: ['5'] }),
  kind('no-split', { data: 'names: [cat, dog]\n' }, { file: 'data.yaml', field: 'val', says: ['train, val or test'] }),
  kind(
    'list-file-picture-missing',
    { data: yaml.replace('images/val', 'val.txt'), files: { 'val.txt': './images/val/a.png\n./images/val/z.png\n' } },
    { code: 'DATASET_NOT_FOUND', file: 'val.txt', line: 2, says: ['images/val/z.png'] },
  ),
  kind(
    'picture-damaged',
    { files: { 'images/val/a.png': plainPng(8, 6).subarray(0, 20) } },
    { file: 'images/val/a.png', says: ['damaged'] },
  ),
];
