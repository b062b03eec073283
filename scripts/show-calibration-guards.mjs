/**
 * Prints what `foveate calibrate` says where ranges would be wrong: `node scripts/show-calibration-guards.mjs`, after npm run build:ts. On models and pictures of
 * ../shared. Exit code 1 where one of the calls is let through.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const shared = join(root, '../shared');
const folder = mkdtempSync(join(tmpdir(), 'foveate-guards-'));
const photos = join(shared, 'images/imagenet');
const scenes = join(shared, 'images/scenes');

function copies(name, files) {
  mkdirSync(join(folder, name));
  files.forEach((file, i) => copyFileSync(file, join(folder, name, `${i}.jpg`)));
  return join(folder, name);
}

const four = copies(
  'four',
  readdirSync(photos)
    .slice(0, 4)
    .map((name) => join(photos, name)),
);
const sameOne = copies('copies-of-one', Array(64).fill(join(scenes, 'bus.jpg')));

const cases = [
  ['no /255, a model with metadata', 'yolov8n_fp32', scenes, '{"scale":1}'],
  ['BGR, a model with metadata', 'yolov8n_fp32', scenes, '{"color":"bgr"}'],
  ['no /255, a classifier that declares nothing', 'mobilenetv2_fp32', photos, '{"scale":1}'],
  ['BGR, a classifier that declares nothing', 'mobilenetv2_fp32', photos, '{"color":"bgr"}'],
  ['RGB and /255, a detector of a family that takes BGR and no /255', 'yolox_nano_416', scenes, 'yolo'],
  ['4 pictures', 'mobilenetv2_fp32', four],
  ['64 copies of one', 'mobilenetv2_fp32', sameOne],
  ['64 copies of one, and BGR', 'mobilenetv2_fp32', sameOne, '{"color":"bgr"}'],
];

try {
  for (const [title, model, data, preprocess] of cases) {
    const args = ['calibrate', join(shared, `models/${model}.onnx`), '--data', data, '-o', join(folder, 'table.json'), '-q'];
    if (preprocess !== undefined) args.push('--preprocess', preprocess);
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(root, 'dist/bin/main.js'), ...args], {
      encoding: 'utf8',
    });
    console.log(`${title} (exit code ${status})\n\n${`${stdout}${stderr}`.replace(/^(?=.)/gm, '    ')}`);
    if (status !== 4) process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
