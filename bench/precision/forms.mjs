/**
 * What each precision makes of each shared model, and whether TensorRT-RTX builds it: `FOVEATE_TENSORRT_PATH=... node bench/precision/forms.mjs [--shared ../shared]
 * [--models A,B] [--precisions fp16,fp8] [--pictures 96] [--work DIR]`. Each model and precision is kept in the work folder once it is done; the tables of all that are there are written to
 * bench/results/precision.md. No GPU is used: engines are built for compute capability 89, and agreement is that of the form as ONNX Runtime simulates it.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { buildEngine, optimizeModel } from '../../dist/index.js';
import { modelsNamed, taskNameOf } from '../int8/models.mjs';
import { picturesOf, randomNumbers, shuffled } from '../int8/splits.mjs';

const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: '../shared' },
    models: { type: 'string' },
    precisions: { type: 'string', default: 'int8,int8+fp16,fp16,bf16,fp8,int4' },
    pictures: { type: 'string', default: '96' },
    work: { type: 'string', default: join(import.meta.dirname, '../../build/precision') },
  },
});
const work = resolve(values.work);
const calibrated = 32;

for (const model of modelsNamed(values.models)) {
  for (const precision of values.precisions.split(',')) {
    const kept = join(work, `${model.name}-${precision}.json`);
    if (existsSync(kept)) continue;
    writeFileSync(kept, JSON.stringify(await measured(model, precision)));
    console.log(`${model.name} ${precision}`);
  }
}
const done = readdirSync(work)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(work, name), 'utf8')));
writeFileSync('bench/results/precision.md', tables(done));

/** So many pictures of those that serve a model, in a folder of their own. */
function folderOf(model) {
  const folder = join(work, 'pictures', model.pictures);
  if (existsSync(folder)) return folder;
  mkdirSync(folder, { recursive: true });
  const chosen = shuffled(picturesOf(values.shared, model), randomNumbers(1)).slice(0, Number(values.pictures));
  for (const picture of chosen) copyFileSync(join(values.shared, picture), join(folder, basename(picture)));
  return folder;
}

async function measured(model, precision) {
  const folder = join(work, `${model.name}-${precision}`);
  rmSync(folder, { recursive: true, force: true });
  const path = join(values.shared, 'models', `${model.name}.onnx`);
  const report = await optimizeModel(path, {
    data: folderOf(model),
    precision,
    pictures: calibrated,
    output: join(folder, 'bundle'),
    exportOnnx: join(folder, 'forms'),
    task: { task: taskNameOf(model), ...model.options },
    threads: 1,
    force: true,
  });
  const file = readdirSync(join(folder, 'forms')).find((name) => name.includes('.tensorrt.'));
  const engine = await engineOf(join(folder, 'forms', file), join(folder, 'engine'));
  rmSync(folder, { recursive: true });
  return { model: model.name, precision, engine, report };
}

/** Its size and what its kernels read, or what the library said against it. */
async function engineOf(file, output) {
  try {
    const { bundle } = await buildEngine(file, { device: 'tensorrt-rtx', computeCapability: 89, bake: false, output });
    const { engine } = bundle.manifest;
    const kernels = {};
    for (const { type, inputs } of await bundle.layers()) {
      const dtype = inputs[0]?.dtype;
      if (type === 'correlation' || type === 'gemm') kernels[dtype] = (kernels[dtype] ?? 0) + 1;
    }
    return { library: `${engine.family} ${engine.version}`, bytes: engine.bytes, kernels };
  } catch (error) {
    if (error.code !== 'MODEL_UNSUPPORTED' && error.code !== 'ENGINE_FAILED') throw error;
    return { refused: error.message };
  }
}

function tables(all) {
  const [{ report }] = all;
  const library = all.find(({ engine }) => engine.library !== undefined)?.engine.library;
  const machine = `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`;
  const lines = [
    '# INT8 with FP16, FP16, BF16, FP8 and INT4',
    '',
    `\`node bench/precision/forms.mjs\`, foveate ${report.foveate}, ${library} for compute capability 89, ONNX Runtime on ${machine}. No GPU was used: nothing is told of its speed.`,
    '',
    `Each form is made by \`foveate optimize\` with ${calibrated} pictures; agreement with FP32 is that of the form for TensorRT, as ONNX Runtime simulates it with graph optimisations off, on pictures held back, with the`,
    'interval of 95 %. The size is that of the form, beside the FP32 model. Kernels: convolutions and matrix products in the layer table of the engine that run by themselves, by the type that they read (those',
    'in a fused one are not told apart there). ONNX Runtime: what its form computes with, and for how long beside FP32, with one thread: roughly, as the machine had other work; it stays FP32 where that is slower',
    'in every round.',
  ];
  for (const { name } of modelsNamed(undefined)) {
    const rows = all.filter(({ model }) => model === name);
    if (rows.length === 0) continue;
    lines.push('', `## ${name}`, '');
    lines.push('| | size | TensorRT-RTX | engine | kernels | agreement | held back | layers not in it | ONNX Runtime |');
    lines.push('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
    for (const precision of values.precisions.split(',')) {
      const found = rows.find((row) => row.precision === precision);
      if (found !== undefined) lines.push(`| ${rowOf(found).join(' | ')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function rowOf({ precision, engine, report }) {
  const form = (name) => report.forms.find((one) => one.form === name);
  const { bytes, sizeRatio, agreement } = form('tensorrt');
  const { latency, shipped } = form('onnxruntime');
  const stored = { int8: 'int8', 'int8+fp16': 'int8', fp16: 'float16', bf16: 'bfloat16', fp8: 'float8', int4: 'int4' }[precision];
  const others = report.layers.filter((layer) => layer.precision.tensorrt !== stored);
  const isFloat = report.layers.every((layer) => layer.precision.onnxruntime === 'float32');
  return [
    precision.toUpperCase(),
    `${(bytes / 1e6).toFixed(2)} MB, ${sizeRatio.toFixed(3)}`,
    engine.refused === undefined ? 'builds' : `refuses: ${engine.refused.replaceAll(/[\n|]/g, ' ')}`,
    engine.bytes === undefined ? '' : `${(engine.bytes / 1e6).toFixed(2)} MB`,
    Object.entries(engine.kernels ?? {})
      .map(([dtype, count]) => `${count} ${dtype}`)
      .join(', '),
    agreement.metrics.map(metricText).join(', '),
    agreement.pictures,
    `${others.length} of ${report.layers.length}`,
    isFloat ? 'FP32: no kernels' : `${latency[0].ratio.toFixed(2)}x${shipped ? '' : ', FP32 is kept'}`,
  ];
}

function metricText({ name, value, interval }) {
  if (value === null) return `${name} -`;
  const range = interval ? ` (${interval.map((end) => end.toFixed(3)).join(' to ')})` : '';
  return `${name} ${value.toFixed(3)}${range}`;
}
