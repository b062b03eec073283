/**
 * What pruning gains and loses: of each float model of the shared set and each scheme, the share of zeros, the file, what it takes packed by gzip, what of the model as it was given
 * is found on all pictures that serve it (none is calibrated with), and with `--latency`, on a machine that does nothing else, the time of a run over that of the
 * model as it was given. Prints Markdown.
 *
 *     node bench/precision/pruning.mjs [--shared ../shared] [--models yolov8n_fp32,…] [--schemes magnitude:0.5,2:4] [--latency] > bench/results/pruning.md
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { loadTask, measureAgreement, measureLatency, version } from '../../dist/index.js';
import { modelSteps } from '../../dist/optimize/index.js';
import { modelBytes } from '../../dist/optimize/model-bytes.js';
import { packedBytes } from '../../dist/optimize/packed-bytes.js';
import { decidingMetrics } from '../../dist/optimize/search/candidate-judge.js';
import { pruneWeights } from '../../dist/precision/index.js';
import { modelsNamed, taskNameOf } from '../int8/models.mjs';
import { picturesOf } from '../int8/splits.mjs';

const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    models: { type: 'string' },
    schemes: { type: 'string', default: 'magnitude:0.3,magnitude:0.5,magnitude:0.7,magnitude:0.9,2:4' },
    latency: { type: 'boolean', default: false },
  },
});
const shared = resolve(values.shared);
const schemes = values.schemes.split(',');
const threads = [...new Set([1, availableParallelism()])];

/** Of one model: a row for each scheme. */
async function rowsOf(model, folder) {
  const source = join(shared, 'models', `${model.name}.onnx`);
  const options = { task: taskNameOf(model), ...model.options, device: 'cpu' };
  const pictures = picturesOf(shared, model).map((path) => join(shared, path));
  const normalized = await modelSteps.normalize(source, 'fp32', {});
  const before = await written(normalized, join(folder, 'given'));
  const reference = await loadTask(source, options);
  const [bytes, packed] = [await modelBytes(source), await packedBytes(source)];
  const files = new Map();
  const rows = [];
  for (const scheme of schemes) {
    const { model: pruned, layers } = await pruneWeights(normalized, scheme);
    const file = await written(pruned, join(folder, scheme.replace(':', '-')));
    files.set(scheme, file);
    const candidate = await loadTask(file, { ...options, preprocess: reference.preprocess });
    const { metrics } = await measureAgreement(reference, candidate, pictures);
    await candidate.dispose();
    const sum = (of) => layers.reduce((all, layer) => all + of(layer), 0);
    rows.push([
      ...[model.name, scheme, `${layers.filter(({ reason }) => reason === undefined).length} of ${layers.length}`],
      `${((100 * sum(({ zeros }) => zeros)) / sum(({ weights }) => weights)).toFixed(1)} %`,
      ...[((await modelBytes(file)) / bytes).toFixed(2), ((await packedBytes(file)) / packed).toFixed(2)],
      decidingMetrics[options.task].map((name) => toldOf(metrics, name)).join(', '),
    ]);
    console.error(new Date().toISOString().slice(11, 19), rows.at(-1).join(' | '));
  }
  const { preprocess } = reference;
  await reference.dispose();
  if (!values.latency) return rows;
  const candidates = [before, ...files.values()].map((path) => ({ name: path, model: path, sessionOptions: { device: 'cpu' } }));
  const latencies = await measureLatency(candidates, {
    preprocess,
    pictures: pictures.slice(0, 8),
    threads,
  });
  return rows.map((row) => [
    ...row,
    ...threads.map((count) => {
      const { ratio, ratioRange, verdict } = latencies.find((one) => one.name === files.get(row[1]) && one.threads === count);
      return `${ratio.toFixed(2)} (${ratioRange.map((end) => end.toFixed(2)).join(' to ')}), ${verdict}`;
    }),
  ]);
}

async function written(model, folder) {
  mkdirSync(folder, { recursive: true });
  await modelSteps.writeModel(model, join(folder, 'model.onnx'));
  return join(folder, 'model.onnx');
}

function toldOf(metrics, name) {
  const { value, interval } = metrics.find((one) => one.name === name);
  if (value === null) return `${name} –`;
  return `${name} ${value.toFixed(3)}${interval === undefined ? '' : ` (${interval.map((end) => end.toFixed(3)).join(' to ')})`}`;
}

const head = [
  ...['model', 'scheme', 'layers pruned', 'weights that are 0', 'file', 'packed', 'agreement with FP32'],
  ...(values.latency ? threads.map((count) => `latency, ${count} ${count === 1 ? 'thread' : 'threads'}`) : []),
];
const work = mkdtempSync(join(tmpdir(), 'foveate-pruning-'));
try {
  const rows = [];
  for (const model of modelsNamed(values.models)) rows.push(...(await rowsOf(model, join(work, model.name))));
  console.log(`# Pruning, measured

\`node bench/precision/pruning.mjs${values.latency ? ' --latency' : ''}\`, ${cpus()[0].model}, ${cpus().length} cores, Node ${process.version}; foveate ${version}.

- Nothing was trained after pruning. Agreement is with the model as it was given, on all pictures of \`../shared\` that serve it, by the numbers that a budget goes by; in brackets 95 %.
- File and packed (gzip) are ratios to the model as it was given. The weights of yolov8n_fp32 and mobilenetv2_fp32 lie on an 8-bit grid: packed, they are small before they are pruned.
- ${values.latency ? 'Latency is the ratio to the model as it was given, in turns, with the lowest and the highest of five rounds.' : 'Latency was not measured in this run: `--latency`, on a machine that does nothing else.'}

| ${head.join(' | ')} |
|${head.map(() => ' --- |').join('')}
${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
