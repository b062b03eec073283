/**
 * foveate's two forms of a model as .onnx files: `node bench/int8/foveate.mjs --model MODEL --shared ../shared --pictures LIST --out DIR [--count 48]`. LIST
 * names a picture of the shared folder a line. Prints a line of JSON. Seconds are those of calibration and quantization, decoding of the pictures included.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { loadTask, version } from '../../dist/index.js';
import { modelSteps } from '../../dist/optimize/index.js';
import { modelsNamed, taskNameOf } from './models.mjs';

const { values } = parseArgs({
  options: {
    model: { type: 'string' },
    shared: { type: 'string' },
    pictures: { type: 'string' },
    out: { type: 'string' },
    count: { type: 'string', default: '48' },
  },
});

/** What `foveate optimize` does up to its files, with its defaults but for the number of pictures: all of them calibrate. */
async function quantize(path, taskOptions, paths, count, out) {
  const started = performance.now();
  const task = await loadTask(path, taskOptions);
  const source = { path, precision: 'int8', taskOptions, model: await modelSteps.normalize(path, 'int8', {}) };
  const calibrating = performance.now();
  const table = await modelSteps.calibrate(source, { data: paths, pictures: count, seed: 0, force: false });
  const calibrateSeconds = (performance.now() - calibrating) / 1000;
  const forms = await modelSteps.convert(source, table, { task, pictures: paths, seed: 0, forms: ['onnxruntime', 'tensorrt'] });
  await modelSteps.writeModel(forms.onnxruntime, join(out, 'onnxruntime.onnx'));
  await modelSteps.writeModel(forms.tensorrt, join(out, 'tensorrt.onnx'));
  const seconds = (performance.now() - started) / 1000;
  await task.dispose();
  writeFileSync(join(out, 'layers.json'), JSON.stringify(forms.layers));
  return { seconds, calibrateSeconds };
}

const names = readFileSync(values.pictures, 'utf8').trim().split('\n');
const paths = names.map((name) => resolve(values.shared, name));
mkdirSync(values.out, { recursive: true });
const [model] = modelsNamed(basename(values.model, '.onnx'));
const before = process.cpuUsage();
const told = await quantize(values.model, { task: taskNameOf(model), ...model.options }, paths, Number(values.count), values.out);
const { user, system } = process.cpuUsage(before);
const peakMb = process.resourceUsage().maxRSS / 1024;
const processorSeconds = (user + system) / 1e6;
console.log(JSON.stringify({ ...told, processorSeconds, peakMb, version: `foveate ${version}`, pictures: paths.length }));
