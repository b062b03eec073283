/**
 * A service's work, in one process each: 64 callers at a time, each of which sends its next request when it has its answer. Tensors in, beside the bare libraries in a loop; bytes of 1080p JPEG
 * files in, beside services over onnxruntime-node and sharp that let one or three requests in at a time. Two threads in a run.
 *
 *     npm ci --prefix bench/peers --ignore-scripts
 *     node bench/peers/service.mjs [--shared ../shared] [--rounds 5] [--write bench/results/service.md]
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { median, Peer } from '../statistics.mjs';
import { photographs } from './photographs.mjs';

const { values: options } = parseArgs({
  options: {
    shared: { type: 'string', default: join(import.meta.dirname, '../../../shared') },
    rounds: { type: 'string', default: '5' },
    write: { type: 'string' },
  },
});
const rounds = Number(options.rounds);
const shared = resolve(options.shared);
const callers = 64;
const jobs = [
  { title: 'yolov8n at 640', kind: 'detect', model: 'yolov8n_fp32', dims: [1, 3, 640, 640], requests: 128, images: 'scenes' },
  {
    title: 'mobilenetv2 at 224',
    kind: 'classify',
    model: 'mobilenetv2_fp32',
    dims: [1, 3, 224, 224],
    requests: 256,
    images: 'imagenet',
  },
];
const here = (name) => join(import.meta.dirname, name);
if (!existsSync(join(shared, 'models'))) throw new Error(`There are no models in ${shared}: name the folder with --shared`);
const folder = mkdtempSync(join(tmpdir(), 'foveate-service-'));

/** foveate's INT8 form for ONNX Runtime, made once. */
function int8Form({ model, images }) {
  const out = join(import.meta.dirname, '../../build/peers-int8', model);
  const file = join(out, 'onnxruntime.onnx');
  if (existsSync(file)) return file;
  mkdirSync(out, { recursive: true });
  const pictures = readdirSync(join(shared, 'images', images), { recursive: true })
    .filter((name) => /\.jpe?g$/i.test(name))
    .slice(0, 48)
    .map((name) => join('images', images, name));
  writeFileSync(join(out, 'pictures.txt'), pictures.join('\n'));
  const args = ['--model', join(shared, 'models', `${model}.onnx`), '--shared', shared, '--pictures', join(out, 'pictures.txt')];
  execFileSync(process.execPath, [here('../int8/foveate.mjs'), ...args, '--out', out], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return file;
}

function start(program, args = []) {
  const child = spawn(process.execPath, [here(program), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' },
  });
  const peer = new Peer(child);
  return { ask: (message) => peer.ask(JSON.stringify(message)), end: () => peer.end() };
}

/** All forms in turn, another one first each time. Each form has its name, its side, and what the side is asked. */
async function measure(forms, sides) {
  const results = Object.fromEntries(forms.map(({ id }) => [id, []]));
  for (let round = -1; round < rounds; round++) {
    for (const { id, side, ask } of forms.map((_, i) => forms[(i + round + 1) % forms.length])) {
      const answer = await sides[side].ask(ask);
      if (round >= 0) results[id].push({ ...answer, perSecond: (1000 * ask.requests) / answer.wallMs });
    }
  }
  return results;
}

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const range = (pairs) => `${median(pairs).toFixed(2)} (${Math.min(...pairs).toFixed(2)} to ${Math.max(...pairs).toFixed(2)})`;
/** Median of the pairs' ratios of throughput, and the lowest and the highest. */
const ratio = (mine, theirs) => range(mine.map(({ perSecond }, i) => perSecond / theirs[i].perSecond));
const bestOf = (results, ids) =>
  ids.reduce((a, b) => (median(results[a].map((r) => r.perSecond)) >= median(results[b].map((r) => r.perSecond)) ? a : b));

function table(results) {
  const lines = [
    '| side | requests a second | p50 / p95 / p99, ms | processor ms a request | event loop p99, ms | batches |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  for (const [id, answers] of Object.entries(results)) {
    const latencies = answers.flatMap((answer) => answer.latencies).sort((a, b) => a - b);
    const requests = answers[0].latencies.length;
    const cells = [
      id,
      range(answers.map(({ perSecond }) => perSecond)),
      [0.5, 0.95, 0.99].map((share) => percentile(latencies, share).toFixed(1)).join(' / '),
      median(answers.map(({ processorMs }) => processorMs / requests)).toFixed(2),
      median(answers.map(({ loopDelayMs }) => loopDelayMs)).toFixed(2),
      Object.entries(answers.at(-1).batches ?? {})
        .map(([size, count]) => `${count} of ${size}`)
        .join(', '),
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  return lines;
}

const files = await photographs(join(shared, 'images/scenes'), folder);
const report = [];
const burn = start('burn.mjs');
const control = [];
for (let i = 0; i < rounds; i++) control.push((await burn.ask({ do: 'burn', ms: 3000 })).loopDelayMs);
burn.end();
report.push(`The event loop beside two threads that burn, p99: ${range(control)} ms.`, '');

for (const job of jobs) {
  const fp32 = join(shared, 'models', `${job.model}.onnx`);
  const int8 = int8Form(job);
  const opened = [
    ['foveate', 'foveate.mjs', fp32],
    ['ort', 'ort-node.mjs', fp32],
    ['foveate-int8', 'foveate.mjs', int8],
    ['foveate-reduced', 'foveate.mjs', fp32, '--reduced'],
    ['foveate-int8-reduced', 'foveate.mjs', int8, '--reduced'],
    ['ort-int8', 'ort-node.mjs', int8],
  ];
  const sides = {};
  const versions = [];
  for (const [name, program, model, ...args] of opened) {
    sides[name] = start(program, args);
    versions.push((await sides[name].ask({ do: 'open', kind: job.kind, model })).name);
  }
  const { kind, dims, requests } = job;
  const loop = (side, inFlight) => ({ side, ask: { do: 'loop', dims, requests, inFlight } });
  const tensors = await measure(
    [
      { id: 'foveate, batcher', side: 'foveate', ask: { do: 'batched', dims, requests, callers } },
      { id: 'foveate, session in a loop', ...loop('foveate', 1) },
      { id: 'foveate, session, two in flight', ...loop('foveate', 2) },
      { id: 'onnxruntime-node in a loop', ...loop('ort', 1) },
      { id: 'onnxruntime-node, two in flight', ...loop('ort', 2) },
    ],
    sides,
  );
  const bare = bestOf(tensors, Object.keys(tensors).slice(1));
  report.push(`## ${job.title}: tensors in`, '', ...table(tensors), '');
  report.push(`The batcher over the best loop (${bare}): ${ratio(tensors['foveate, batcher'], tensors[bare])}.`, '');

  const pictures = { do: 'service', kind, pictures: files, callers, requests };
  const jpeg = await measure(
    [
      { id: 'foveate FP32', side: 'foveate', ask: pictures },
      { id: 'onnxruntime-node FP32, one at a time', side: 'ort', ask: { ...pictures, inFlight: 1 } },
      { id: 'onnxruntime-node FP32, three in flight', side: 'ort', ask: { ...pictures, inFlight: 3 } },
      { id: 'foveate INT8', side: 'foveate-int8', ask: pictures },
      { id: "foveate FP32, jpegDecode: 'reduced'", side: 'foveate-reduced', ask: pictures },
      { id: "foveate INT8, jpegDecode: 'reduced'", side: 'foveate-int8-reduced', ask: pictures },
      { id: 'onnxruntime-node, the same INT8, one at a time', side: 'ort-int8', ask: { ...pictures, inFlight: 1 } },
      { id: 'onnxruntime-node, the same INT8, three in flight', side: 'ort-int8', ask: { ...pictures, inFlight: 3 } },
    ],
    sides,
  );
  const [ours, one, three, oursInt8, reduced, reducedInt8, oneInt8, threeInt8] = Object.keys(jpeg);
  const theirs = bestOf(jpeg, [one, three]);
  const theirsInt8 = bestOf(jpeg, [oneInt8, threeInt8]);
  report.push(`## ${job.title}: JPEG in`, '', ...table(jpeg), '');
  for (const [mine, other] of [
    [ours, theirs],
    [oursInt8, theirs],
    [oursInt8, theirsInt8],
    [reduced, theirs],
    [reducedInt8, theirs],
    [reducedInt8, theirsInt8],
  ])
    report.push(`- ${mine} over ${other}: ${ratio(jpeg[mine], jpeg[other])}`);
  report.push('', `Versions: ${[...new Set(versions)].join('; ')}.`, '');
  for (const side of Object.values(sides)) side.end();
}
rmSync(folder, { recursive: true });

const text = [
  '# A service: 64 callers at a time',
  '',
  `\`node bench/peers/service.mjs\`, ${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node ${process.version}, ${rounds} rounds, load at the end ${loadavg()[0].toFixed(1)}.`,
  'Throughput is the median of the rounds, in brackets the lowest and the highest; ratios are of pairs of one round, above 1 the first is faster. Latency is from',
  "the call to the answer, with the wait for the other callers. onnxruntime-node's sharp decodes JPEGs at a fraction of their size, as is its default; foveate decodes every pixel, unless it is said to be `reduced`.",
  '',
  ...report,
].join('\n');
console.log(text);
if (options.write) writeFileSync(options.write, `${text}\n`);
