/**
 * Time and memory of calibration and quantization of yolov8n at 640: foveate, onnxruntime's entropy and NVIDIA ModelOpt's, 48 pictures, in turn; and foveate
 * with up to 480. Needs what `run.mjs` needs, 15 GB of free memory for onnxruntime's entropy, and a machine that does nothing else.
 *
 *     node bench/int8/calibration.mjs [--rounds 3] [--work build/int8] [--shared ../shared] [--only foveate,modelopt]
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';

import { modelsNamed } from './models.mjs';
import { runTool, stride } from './quantize.mjs';
import { calibrationCount, picturesOf, randomNumbers, shuffled } from './splits.mjs';
import { tensorsOf } from './tensors.mjs';

const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    work: { type: 'string', default: join(import.meta.dirname, '../../build/int8') },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
  },
});
const [work, shared] = [resolve(values.work), resolve(values.shared)];
const [model] = modelsNamed('yolov8n_fp32');
const most = 480;
const cropSeed = 48;

/** Names in the work folder of crops of the shared pictures, three quarters of a side, each another part or another picture. */
async function crops(pictures, count) {
  const folder = join(work, 'crops');
  mkdirSync(folder, { recursive: true });
  const random = randomNumbers(cropSeed);
  const files = [];
  for (let i = 0; i < count; i++) {
    const file = join(folder, `${i}.jpg`);
    const [x, y] = [random(), random()];
    files.push(file);
    if (existsSync(file)) continue;
    const source = sharp(join(shared, pictures[i % pictures.length]));
    const { width, height } = await source.metadata();
    const size = { width: Math.ceil(0.75 * width), height: Math.ceil(0.75 * height) };
    const place = { left: Math.floor(x * (width - size.width)), top: Math.floor(y * (height - size.height)) };
    await source
      .extract({ ...place, ...size })
      .jpeg({ quality: 90 })
      .toFile(file);
  }
  return files;
}

function listOf(name, files) {
  const file = join(work, `${name}.txt`);
  writeFileSync(file, `${files.join('\n')}\n`);
  return file;
}

const all = picturesOf(shared, model);
const few = shuffled(all, randomNumbers(cropSeed)).slice(0, calibrationCount);
const whole = all.map((picture) => join(shared, picture));
const many = [...whole, ...(await crops(all, most - all.length))];
const few48 = listOf('calibration-48', few);
const foveate = { by: 'foveate' };
const entropy = { by: 'onnxruntime', method: 'entropy', variant: 'head' };
const sides = {
  'foveate, 48 pictures': [foveate, { list: few48 }],
  'onnxruntime entropy, 48 pictures': [entropy, { list: few48, stride: 0 }],
  [`onnxruntime entropy, 48 pictures, ${stride} at a time`]: [entropy, { list: few48, stride }],
  'modelopt entropy, 48 pictures': [{ by: 'modelopt', method: 'entropy' }, { list: few48 }],
  [`foveate, ${all.length} pictures`]: [foveate, { list: listOf('calibration-all', all), pictures: all.length }],
  'foveate, 480 pictures': [foveate, { list: listOf('calibration-480', many), pictures: most }],
};
const only = values.only?.split(',');
const taking = Object.entries(sides).filter(([, [tool]]) => only === undefined || only.includes(tool.by));

const { index } = await tensorsOf(work, shared, model);
const source = join(shared, 'models', `${model.name}.onnx`);
const out = join(work, 'calibration-out');
const rounds = [];
for (let round = 0; round < Number(values.rounds); round++) {
  rounds.push({});
  for (const [name, [tool, options]] of taking) {
    rmSync(out, { recursive: true, force: true });
    const told = await runTool(tool, { shared, source, tensors: index, out, stride: 0, ...options });
    rounds[round][name] = told;
    console.error(`round ${round + 1}, ${name}: ${told.error ?? `${told.seconds.toFixed(1)} s, ${told.peakMb.toFixed(0)} MB`}`);
    writeFileSync(join(work, 'calibration.json'), JSON.stringify({ model: model.name, rounds }));
  }
}
rmSync(out, { recursive: true, force: true });
