/**
 * Makes bench/results/int8.md of what `run.mjs` and `calibration.mjs` kept: `node bench/int8/report.mjs [--work build/int8] [--shared ../shared] [--out FILE]`.
 * What is not there yet is a dash.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'prettier';

import { compareRuns } from '../../dist/index.js';
import { median } from '../statistics.mjs';
import { calibrationTable } from './calibration-table.mjs';
import { referenceOf } from './findings.mjs';
import { pooled, statisticsOf } from './metrics.mjs';
import { models } from './models.mjs';
import { placesOf } from './quantize.mjs';
import { folds, listsOf, picturesOf } from './splits.mjs';
import { serves, tools } from './tools.mjs';

const seeds = [0, 1, 2, 3, 4];
const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    work: { type: 'string', default: join(import.meta.dirname, '../../build/int8') },
    out: { type: 'string', default: join(import.meta.dirname, '../results/int8.md') },
  },
});
const [work, shared] = [resolve(values.work), resolve(values.shared)];
const splits = seeds.flatMap((seed) => folds.map((fold) => ({ seed, fold })));
const versions = new Set();

function kept(...path) {
  const file = join(work, ...path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

const table = (header, rows) =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`).join('\n');
const number = (value, digits = 3) => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** Median of the folds, and the lowest and the highest. */
function spread(list, digits = 3) {
  const known = list.filter((value) => Number.isFinite(value));
  if (known.length === 0) return undefined;
  return `${number(median(known), digits)} (${number(Math.min(...known), digits)} to ${number(Math.max(...known), digits)})`;
}

/** What is known of one tool on one model: records of the making, findings of the splits, engine and latency. */
function resultsOf(model, tool) {
  const made = splits.map(({ seed, fold }) => {
    const { file, record } = placesOf(work, model, tool, seed, fold);
    const told = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : undefined;
    return told && { ...told, bytes: existsSync(file) ? statSync(file).size : undefined };
  });
  const known = made.filter((record) => record !== undefined);
  for (const { version } of known) if (version !== undefined) versions.add(version);
  const found = splits.flatMap(({ seed, fold }) => {
    const told = kept('findings', model.name, tool.id, `${seed}.${fold}.json`);
    return told === undefined ? [] : [{ ...told, split: `${seed}.${fold}` }];
  });
  return {
    tool,
    made: known.filter(({ error }) => error === undefined),
    error: known.find(({ error }) => error !== undefined)?.error ?? found.find(({ error }) => error !== undefined)?.error,
    found: found.filter(({ error }) => error === undefined),
    engine: kept('engines', model.name, tool.id, '0.0.json'),
    latency: kept('latency', model.name, tool.id, '0.0.json'),
  };
}

/** Of the first split's file: its ratio to the float model in one process, median of the alternations. */
function latencyCells(latency) {
  const ratio = ({ float, int8 }) => median(int8.map((ms, i) => ms / float[i]));
  return (latency?.settings ?? [undefined, undefined, undefined]).map((setting) =>
    setting === undefined ? undefined : `${number(ratio(setting), 2)} (${number(median(setting.int8), 2)} ms)`,
  );
}

function engineCells(engine) {
  if (engine === undefined) return [undefined, undefined];
  if (engine.error !== undefined) return ['refused', undefined];
  return [`${number(engine.engineBytes / 1e6, 1)} MB`, `${engine.int8} of ${engine.convolutions}`];
}

function costsTable(model, results) {
  const floatBytes = statSync(join(shared, 'models', `${model.name}.onnx`)).size;
  const floatLatency = results.find(({ latency }) => latency !== undefined)?.latency.settings;
  const floatCells = [0, 1, 2].map((i) => floatLatency && `1 (${number(median(floatLatency[i].float), 2)} ms)`);
  const float = kept('engines', model.name, 'fp32', '0.0.json');
  return table(
    [
      ...['file', 'size / FP32', '1 thread', '2 threads', '2 threads, spinning', 'TensorRT-RTX engine', 'Int8 convolutions'],
      ...['seconds', 'processor seconds', 'peak RSS, MB'],
    ],
    [
      ['FP32', `1 (${number(floatBytes / 1e6, 2)} MB)`, ...floatCells, ...engineCells(float), '', '', ''],
      ...results
        .filter(({ made, error }) => made.length > 0 || error !== undefined)
        .map(({ tool, made, engine, latency }) => [
          tool.id,
          number(median(made.map(({ bytes }) => bytes)) / floatBytes),
          ...latencyCells(latency),
          ...engineCells(engine),
          number(median(made.map(({ seconds }) => seconds)), 1),
          number(median(made.map(({ processorSeconds }) => processorSeconds)), 1),
          number(median(made.map(({ peakMb }) => peakMb)), 0),
        ]),
    ],
  );
}

const ones = (count) => new Float64Array(count).fill(1);

function accuracyTable(model, results, reference) {
  const evaluated = results.filter(({ found }) => found.length > 0);
  if (evaluated.length === 0) return undefined;
  const rows = evaluated.map(({ tool, found }) => {
    const ofSplits = found.map(({ pictures, found: list }) => statisticsOf(model, pictures, reference, list));
    const values = (i) => ofSplits.map((statistics, s) => statistics[i].compute(ones(found[s].pictures.length)));
    return {
      names: ofSplits[0].map(({ name }) => name),
      cells: [tool.id, found.length, ...ofSplits[0].map((_, i) => spread(values(i)))],
    };
  });
  return table(
    ['file', 'folds', ...rows[0].names],
    rows.map(({ cells }) => cells),
  );
}

/** A run over the splits that both have, as `compareRuns` takes it. */
function runOf(model, name, found, reference, pictures) {
  const places = new Map(pictures.map((picture, i) => [picture, i]));
  const names = found.flatMap(({ pictures: of }) => of);
  const owners = names.map((picture) => places.get(picture));
  const statistics = statisticsOf(
    model,
    names,
    reference,
    found.flatMap(({ found: list }) => list),
  ).map((statistic) => pooled(statistic, owners));
  return { name, pictures, statistics };
}

function comparisons(model, results, reference) {
  const pictures = picturesOf(shared, model);
  const ours = results.filter(({ tool, found }) => tool.by === 'foveate' && found.length > 0);
  const peers = results.filter(({ tool, found }) => tool.by !== 'foveate' && found.length > 0);
  const decisive = ({ tool, found }) =>
    runOf(model, tool.id, found, reference, pictures).statistics[0].compute(ones(pictures.length));
  const ranked = peers.map((peer) => ({ peer, value: decisive(peer) })).sort((a, b) => (b.value || 0) - (a.value || 0));
  if (ranked.length === 0) return [];
  const [{ peer: best, value }] = ranked;
  const name = runOf(model, '', best.found, reference, pictures).statistics[0].name;
  const lines = [`Best peer by ${name}: ${best.tool.id}, ${number(value)} over ${best.found.length} folds.`];
  if (ours.length === 0) return lines;
  const rows = ours.flatMap((mine) => {
    const both = new Set(
      mine.found.map(({ split }) => split).filter((split) => best.found.some((other) => other.split === split)),
    );
    const shared = ({ found }) => found.filter(({ split }) => both.has(split));
    if (both.size === 0) return [];
    const [baseline, candidate] = [best, mine].map((side) => runOf(model, side.tool.id, shared(side), reference, pictures));
    return compareRuns(baseline, candidate).map((comparison) => [
      mine.tool.id,
      comparison.name,
      number(comparison.baseline),
      number(comparison.candidate),
      `${number(comparison.interval.low)} to ${number(comparison.interval.high)}`,
      comparison.verdict,
    ]);
  });
  return [...lines, '', table(['ours', 'statistic', best.tool.id, 'ours', 'difference, 95% interval', 'ours is'], rows)];
}

/** What went wrong: each tool's failure, and of TensorRT's refusals, which are much alike, the first as it was printed. */
function refusals(results) {
  const failed = results
    .filter(({ error }) => error !== undefined)
    .map(({ tool, error }) => `- ${tool.id} made no file that runs: ${error.split('\n')[0]}`);
  const refused = results.filter(({ engine }) => engine?.error !== undefined);
  if (refused.length === 0) return failed;
  const [{ tool, engine }] = refused;
  const said = engine.error.split('\n').slice(0, 2).join(' ').replaceAll(/\s+/g, ' ');
  return [
    ...failed,
    `- TensorRT-RTX refuses ${refused.map((each) => each.tool.id).join(', ')}. Of ${tool.id} it says: \`${said}\``,
  ];
}

const sections = [];
for (const model of models) {
  const results = tools.filter((tool) => serves(tool, model)).map((tool) => resultsOf(model, tool));
  const reference = await referenceOf(work, shared, model);
  const { evaluation } = listsOf(work, shared, model, 0, 0);
  const all = picturesOf(shared, model).length;
  const accuracy = accuracyTable(model, results, reference);
  sections.push(
    `## ${model.name}`,
    '',
    `${all} pictures, of which ${all - evaluation.length} or ${evaluation.length} are in a fold.`,
    '',
    costsTable(model, results),
    ...(accuracy === undefined ? [] : ['', accuracy]),
    '',
    ...comparisons(model, results, reference),
    '',
    ...refusals(results),
    '',
  );
}

const text = `# INT8, side by side

\`node bench/int8/run.mjs\`, ${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node ${process.version}; ${[...versions].sort().join(', ')}.

- **Splits.** All pictures of \`../shared\` that serve a model, in two halves: calibrated on 48 pictures of one, evaluated on the other, and the other way around; five
  seeds. Numbers are medians of the ten folds, in brackets the lowest and the highest. Every tool gets the same pictures, made into inputs by foveate's Preprocess.
- **Accuracy** is agreement with the FP32 model, through foveate's tasks on its ONNX Runtime. Boxes are the same object from an IoU of 0.5 on, of the same class; plain: score
  0.25 on both; hysteresis: boxes of 0.35 or more found among the other's of 0.2 or more. Masks count where FP32 sees at least 0.3% of the picture as foreground. The
  weights of yolov8n_fp32 and mobilenetv2_fp32 lie on an 8-bit grid: what they lose says mainly what quantized activations cost.
- **Graph optimizations.** Files for ONNX Runtime are opened with all of them, so that integer kernels run. Files for TensorRT (foveate-t, modelopt, ort-…-tensorrt) are
  judged with none: a float simulation of their Q/DQ nodes, not the arithmetic of a GPU. Latency is with all of them, whatever the file.
- **Latency** is the time of a run over that of FP32 in the same process, five alternations, medians. By default foveate's threads do not spin while they wait.
- **Seconds** are of calibration and quantization: of the peers without starting Python and with inputs made beforehand, of foveate with decoding of the pictures. Peak RSS
  is of the process. onnxruntime's histograms (percentile, entropy) hold 8 pictures at a time, of yolov8n 2.3 GB instead of 12.9 with all 48. That favours entropy: from all
  at once it finds the ranges of min-max, from parts that are merged, better ones (F1 0.894 instead of 0.878 in one fold of yolov8n).
- **TensorRT-RTX** builds for compute capability 8.9 without a GPU. Int8 convolutions: kernels of its layer table that read Int8, of the convolutions in the file.
- **Variants.** head: the last convolution of each branch and what follows stays float. tensorrt: symmetric, convolutions and products alone, float biases.

${sections.join('\n')}
${calibrationTable(kept('calibration.json')) ?? ''}
`;
writeFileSync(values.out, await format(text, { parser: 'markdown', printWidth: 130 }));
console.log(text);
