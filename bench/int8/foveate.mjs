/**
 * foveate's two forms of a model as .onnx files: `node bench/int8/foveate.mjs --model MODEL --shared ../shared --pictures LIST --out DIR [--count 48]`. LIST
 * names a picture of the shared folder a line. Prints a line of JSON. Seconds are those of calibration and quantization, decoding of the pictures included.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

/** As a user would, with the defaults: from a folder of pictures to both forms in `out`. */
async function quantize(model, data, pictures, out) {
  const { calibrate, quantizeModel, writeModel } = foveate;
  if (quantizeModel === undefined) throw new Error('This build of foveate has no quantizeModel');
  const started = performance.now();
  const table = await calibrate(values.model, { data, preprocess: model.options.preprocess, pictures });
  const calibrateSeconds = (performance.now() - started) / 1000;
  const forms = await quantizeModel(values.model, table, { task: model.options });
  await writeModel(forms.onnxruntime, join(out, 'onnxruntime.onnx'));
  await writeModel(forms.tensorrt, join(out, 'tensorrt.onnx'));
  const seconds = (performance.now() - started) / 1000;
  writeFileSync(join(out, 'layers.json'), JSON.stringify(forms.layers));
  return { seconds, calibrateSeconds };
}

const data = mkdtempSync(join(tmpdir(), 'foveate-int8-'));
try {
  const names = readFileSync(values.pictures, 'utf8').trim().split('\n');
  for (const [i, name] of names.entries()) copyFileSync(resolve(values.shared, name), join(data, `${i}-${basename(name)}`));
  mkdirSync(values.out, { recursive: true });
  const [model] = modelsNamed(basename(values.model, '.onnx'));
  const before = process.cpuUsage();
  const told = await quantize(model, data, Number(values.count), values.out);
  const { user, system } = process.cpuUsage(before);
  const peakMb = process.resourceUsage().maxRSS / 1024;
  const processorSeconds = (user + system) / 1e6;
  console.log(
    JSON.stringify({ ...told, processorSeconds, peakMb, version: `foveate ${foveate.version}`, pictures: names.length }),
  );
} finally {
  rmSync(data, { recursive: true });
}
