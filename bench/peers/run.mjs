/**
 * From 1080p JPEG files to results, two threads each, side by side with what people use today: every side is a process of its own; they take turns,
 * round after round, in one run. Prints a table, and writes it to a file where one is named.
 *
 *     npm ci --prefix bench/peers --ignore-scripts
 *     python3 -m venv build/peers && build/peers/bin/pip install -r bench/peers/requirements.txt
 *     FOVEATE_PYTHON=build/peers/bin/python node bench/peers/run.mjs [--shared ../shared] [--rounds 5] [--write bench/results/peers.md]
 *
 * FOVEATE_ULTRALYTICS names a Python with ultralytics, which takes part where it is given.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
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
const jobs = [
  { title: 'yolov8n at 640, to boxes', kind: 'detect', model: 'yolov8n_fp32.onnx', pictures: 24 },
  { title: 'mobilenetv2 at 224, to top-5', kind: 'classify', model: 'mobilenetv2_fp32.onnx', pictures: 96 },
];
const python = process.env.FOVEATE_PYTHON ?? 'python3';
const here = (name) => join(import.meta.dirname, name);
const programs = {
  foveate: [process.execPath, here('foveate.mjs')],
  reduced: [process.execPath, here('foveate.mjs'), '--reduced'],
  'foveate, one thread': [process.execPath, here('foveate.mjs'), '--threads', '1'],
  'reduced, one thread': [process.execPath, here('foveate.mjs'), '--reduced', '--threads', '1'],
  'ort-node': [process.execPath, here('ort-node.mjs')],
  'ort-node, one thread': [process.execPath, here('ort-node.mjs'), '--threads', '1'],
  python: [python, here('python_ort.py')],
  ...(process.env.FOVEATE_ULTRALYTICS ? { ultralytics: [process.env.FOVEATE_ULTRALYTICS, here('python_ultralytics.py')] } : {}),
};
/**
 * Which program, and how many pictures in flight. Those of one package's that do the same take part in the comparison of the best.
 */
const forms = [
  { id: 'foveate, one after the other', program: 'foveate', inFlight: 1, best: 'ours' },
  { id: 'foveate, three in flight', program: 'foveate', inFlight: 3, best: 'ours' },
  { id: 'foveate, three in flight, one thread in a run', program: 'foveate, one thread', inFlight: 3, best: 'ours' },
  { id: 'foveate reduced, one after the other', program: 'reduced', inFlight: 1, best: 'reduced' },
  { id: 'foveate reduced, three in flight', program: 'reduced', inFlight: 3, best: 'reduced' },
  { id: 'foveate reduced, three in flight, one thread in a run', program: 'reduced, one thread', inFlight: 3, best: 'reduced' },
  { id: 'onnxruntime-node + sharp, one after the other', program: 'ort-node', inFlight: 1, best: 'theirs' },
  { id: 'onnxruntime-node + sharp, three in flight', program: 'ort-node', inFlight: 3, best: 'theirs' },
  {
    id: 'onnxruntime-node + sharp, three in flight, one thread in a run',
    program: 'ort-node, one thread',
    inFlight: 3,
    best: 'theirs',
  },
  { id: 'Python onnxruntime + OpenCV', program: 'python', inFlight: 1 },
  { id: 'ultralytics', program: 'ultralytics', inFlight: 1, kinds: ['detect'] },
];

if (!existsSync(join(shared, 'models'))) throw new Error(`There are no models in ${shared}: name the folder with --shared`);
const folder = mkdtempSync(join(tmpdir(), 'foveate-peers-'));

function start(program) {
  const [command, ...args] = programs[program];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ORT_DISABLE_TELEMETRY: '1' } });
  const peer = new Peer(child);
  return { ask: (message) => peer.ask(JSON.stringify(message)), end: () => peer.end() };
}

const percentile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];

/** Median of the pairs' ratios, and the lowest and the highest. */
function ratio(theirs, mine) {
  const pairs = theirs.map((value, i) => value / mine[i]);
  return `${median(pairs).toFixed(2)} (${Math.min(...pairs).toFixed(2)} to ${Math.max(...pairs).toFixed(2)})`;
}

const files = await photographs(join(shared, 'images/scenes'), folder);
const report = [];
for (const job of jobs) {
  const pictures = Array.from({ length: job.pictures }, (_, i) => files[i % files.length]);
  const taking = forms.filter(({ program, kinds }) => program in programs && (kinds ?? [job.kind]).includes(job.kind));
  const sides = {};
  for (const name of new Set(taking.map(({ program }) => program))) {
    sides[name] = start(name);
    sides[name].title = (await sides[name].ask({ do: 'open', kind: job.kind, model: join(shared, 'models', job.model) })).name;
  }
  const results = Object.fromEntries(taking.map(({ id }) => [id, { perPicture: [], latencies: [], seen: 0 }]));
  for (let round = -1; round < rounds; round++) {
    // Another one goes first each time.
    const order = taking.map((_, i) => taking[(i + round + 1) % taking.length]);
    for (const { id, program, inFlight } of order) {
      const answer = await sides[program].ask({ do: 'run', kind: job.kind, pictures, inFlight });
      if (round < 0) continue; // to warm up
      results[id].perPicture.push(answer.wallMs / pictures.length);
      results[id].latencies.push(...answer.latencies);
      results[id].seen = answer.seen;
    }
  }
  const peaks = {};
  for (const [name, side] of Object.entries(sides)) peaks[name] = (await side.ask({ do: 'peak' })).mb;
  for (const side of Object.values(sides)) side.end();

  const [sequential, queued] = taking.map(({ id }) => results[id].perPicture);
  report.push(`## ${job.title}`, '', `${job.pictures} pictures a round, medians of ${rounds} rounds.`, '');
  report.push(
    '| side | ms a picture | p50 / p95 / p99 of one, ms | over foveate, one after the other | over foveate, three in flight | peak RSS, MB | seen |',
  );
  report.push('| --- | --- | --- | --- | --- | --- | --- |');
  for (const { id, program } of taking) {
    const { perPicture, latencies, seen } = results[id];
    latencies.sort((a, b) => a - b);
    const percentiles = [0.5, 0.95, 0.99].map((share) => percentile(latencies, share).toFixed(1)).join(' / ');
    const cells = [id, median(perPicture).toFixed(2), percentiles, ratio(perPicture, sequential), ratio(perPicture, queued)];
    report.push(`| ${[...cells, peaks[program].toFixed(0), seen].join(' | ')} |`);
  }
  const best = (side) => {
    const [first] = taking
      .filter((form) => form.best === side)
      .sort((a, b) => median(results[a.id].perPicture) - median(results[b.id].perPicture));
    return { id: first.id, perPicture: results[first.id].perPicture };
  };
  const theirs = best('theirs');
  for (const ours of [best('ours'), best('reduced')]) {
    report.push('', `The best form of each: ${theirs.id}, over ${ours.id}: ${ratio(theirs.perPicture, ours.perPicture)}.`);
  }
  report.push('', `Versions: ${[...new Set(Object.values(sides).map(({ title }) => title))].join('; ')}.`, '');
}
rmSync(folder, { recursive: true });

const text = [
  '# From 1080p JPEG files to results',
  '',
  `\`node bench/peers/run.mjs\`, ${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node ${process.version}. Two threads each; the ratio is the other's time`,
  'over ours in the same round: above 1, foveate is faster. In brackets the lowest and the highest round. Peak RSS is of the process, whichever form.',
  "onnxruntime-node's sharp decodes JPEGs at a fraction of their size, as is its default, and so does foveate reduced (jpegDecode: 'reduced'); foveate",
  'and Python decode every pixel that the input shows.',
  '',
  ...report,
].join('\n');
console.log(text);
if (options.write) writeFileSync(options.write, text);
