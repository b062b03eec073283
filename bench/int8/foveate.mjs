/**
 * foveate's two forms of a model as .onnx files: `node bench/int8/foveate.mjs --model MODEL --shared ../shared --pictures LIST --out DIR [--count 48]`. LIST
 * names a picture of the shared folder a line.
 * Prints a line of JSON. Seconds are those of calibration and quantization, the decoding of the pictures included.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import * as foveate from '../../dist/index.js';
import { modelsNamed } from './models.mjs';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    shared: { type: 'string' },
    pictures: { type: 'string' },
    out: { type: 'string' },
    count: { type: 'string', default: '48' },
  },
});
const { calibrate, quantizeModel, writeModel, version } = foveate;
if (quantizeModel === undefined) throw new Error('This build of foveate has no quantizeModel');
const [model] = modelsNamed(basename(values.model, '.onnx'));
const data = readFileSync(values.pictures, 'utf8')
  .trim()
  .split('\n')
  .map((name) => resolve(values.shared, name));
mkdirSync(values.out, { recursive: true });

const started = performance.now();
const { head, ssd, labels, activation, preprocess } = model.options;
const table = await calibrate(values.model, { data, preprocess, pictures: Number(values.count) });
const calibrated = performance.now();
const forms = await quantizeModel(values.model, table, { data, head, ssd, labels, activation, preprocess });
await writeModel(forms.onnxruntime, join(values.out, 'onnxruntime.onnx'));
await writeModel(forms.tensorrt, join(values.out, 'tensorrt.onnx'));
const done = performance.now();
const { user, system } = process.cpuUsage();
writeFileSync(join(values.out, 'layers.json'), JSON.stringify(forms.layers));
console.log(
  JSON.stringify({
    seconds: (done - started) / 1000,
    calibrateSeconds: (calibrated - started) / 1000,
    processorSeconds: (user + system) / 1e6,
    peakMb: process.resourceUsage().maxRSS / 1024,
    version: `foveate ${version}`,
    pictures: Number(values.count),
  }),
);
