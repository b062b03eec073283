/**
 * Makes bench/results/int8.md of what `run.mjs` and `calibration.mjs` kept: `node bench/int8/report.mjs [--work build/int8] [--shared ../shared] [--out FILE]`.
 * What is not there yet is a dash.
 */
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { format } from 'prettier';

import { compareRuns } from '../../dist/index.js';
import { median } from '../statistics.mjs';
import { calibrationTable } from './calibration-table.mjs';
import { goalRows } from './goals.mjs';
import { pooled, statisticsOf } from './metrics.mjs';
import { models } from './models.mjs';
import { kept, latencyNames, medianOf, ones, resultsOf } from './results.mjs';
import { listsOf, picturesOf } from './splits.mjs';

const { values } = parseArgs({
  options: {
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    work: { type: 'string', default: join(import.meta.dirname, '../../build/int8') },
    out: { type: 'string', default: join(import.meta.dirname, '../results/int8.md') },
  },
});
const [work, shared] = [resolve(values.work), resolve(values.shared)];

const table = (header, rows) =>
  [header, header.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`).join('\n');
const number = (value, digits = 3) => (Number.isFinite(value) ? value.toFixed(digits) : '–');

/** Median of the folds, and the lowest and the highest. */
function spread(list, digits = 3) {
  const known = list.filter((value) => Number.isFinite(value));
  if (known.length === 0) return undefined;
  return `${number(median(known), digits)} (${number(Math.min(...known), digits)} to ${number(Math.max(...known), digits)})`;
}

function engineCells(engine) {
  if (engine === undefined) return [undefined, undefined];
  if (engine.error !== undefined) return ['refused', undefined];
  return [`${number(engine.engineBytes / 1e6, 1)} MB`, `${engine.int8} of ${engine.convolutions}`];
}

/** Of the first split's file: its time over that of the float model in the same process, and the time. */
function latencyCells(result) {
  return latencyNames.map((name, i) => {
    const setting = result.latency?.settings[i];
    return setting && `${number(medianOf(result, name), 2)} (${number(median(setting.int8), 2)} ms)`;
  });
}

function costsTable({ results, floatBytes, floatEngine }) {
  const floatLatency = results.find(({ latency }) => latency !== undefined)?.latency.settings;
  const floatCells = latencyNames.map((_, i) => floatLatency && `1 (${number(median(floatLatency[i].float), 2)} ms)`);
  return table(
    [
      ...['file', 'size / FP32', ...latencyNames, 'TensorRT-RTX engine', 'Int8 convolutions'],
      ...['seconds', 'processor seconds', 'peak RSS, MB'],
    ],
    [
      ['FP32', `1 (${number(floatBytes / 1e6, 2)} MB)`, ...floatCells, ...engineCells(floatEngine), '', '', ''],
      ...results
        .filter(({ made, error }) => made.length > 0 || error !== undefined)
        .map((result) => [
          result.tool.id,
          number(medianOf(result, 'size')),
          ...latencyCells(result),
          ...engineCells(result.engine),
          number(medianOf(result, 'seconds'), 1),
          number(medianOf(result, 'processor seconds'), 1),
          number(medianOf(result, 'peak MB'), 0),
        ]),
    ],
  );
}

function accuracyTable(model, { results, reference }) {
  const evaluated = results.filter(({ found }) => found.length > 0);
  if (evaluated.length === 0) return undefined;
  const names = statisticsOf(model, [], reference, []).map(({ name }) => name);
  const rows = evaluated.map(({ tool, found, measures }) => [
    tool.id,
    found.length,
    ...names.map((name) => spread(measures.get(name))),
  ]);
  return table(['file', 'folds', ...names], rows);
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

function comparisons(model, { results, reference }) {
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
const goals = [];
const versions = new Set();
for (const model of models) {
  const known = await resultsOf(work, shared, model);
  const { results } = known;
  for (const { made } of results) for (const { version } of made) versions.add(version);
  goals.push(...goalRows(model, results, kept(work, 'goal-split.json')));
  const { evaluation } = listsOf(work, shared, model, 0, 0);
  const all = picturesOf(shared, model).length;
  const accuracy = accuracyTable(model, known);
  sections.push(
    `## ${model.name}`,
    '',
    `${all} pictures, of which ${all - evaluation.length} or ${evaluation.length} are in a fold.`,
    '',
    costsTable(known),
    ...(accuracy === undefined ? [] : ['', accuracy]),
    '',
    ...comparisons(model, known),
    '',
    ...refusals(results),
    '',
  );
}
const goalsTable = table(['model', 'form', 'measure', 'goal', 'median', 'reached', 'on the split of the goals'], goals);

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
- **Goals** were set on one split of 68 pictures (\`goal-split.mjs\`), which is easier than most of these: what that gives stands beside them.
- **TensorRT-RTX** builds for compute capability 8.9 without a GPU. Int8 convolutions: kernels of its layer table that read Int8, of the convolutions in the file.
- **Variants.** head: the last convolution of each branch and what follows stays float. tensorrt: symmetric, convolutions and products alone, float biases.

${goals.length === 0 ? '' : `## Goals\n\n${goalsTable}\n`}
${sections.join('\n')}
${calibrationTable(kept(work, 'calibration.json')) ?? ''}
`;
writeFileSync(values.out, await format(text, { parser: 'markdown', printWidth: 130 }));
console.log(text);
