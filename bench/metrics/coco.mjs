/**
 * COCO's box metrics of the same two JSON files: pycocotools, faster-coco-eval and foveate, each in a process of its own, in turn. `--rounds N` (3),
 * `--write`: the table goes to bench/results/metrics-coco.md. FOVEATE_PYTHON: an interpreter with bench/metrics/requirements.txt. Needs `npm run build`.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { median } from '../statistics.mjs';
import { writeMadeResults } from './made_results.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, write: { type: 'boolean', default: false } },
});
const sizes = [
  { images: 500, truths: 3_600, found: 50_000 },
  { images: 2_000, truths: 14_400, found: 200_000 },
  { images: 5_000, truths: 36_000, found: 500_000 },
];
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const python = process.env.FOVEATE_PYTHON ?? 'python3';
const peers = {
  pycocotools: [python, here('coco_peer.py'), 'pycocotools'],
  'faster-coco-eval': [python, here('coco_peer.py'), 'faster-coco-eval'],
  foveate: [process.execPath, here('coco_foveate.mjs')],
};

const folder = mkdtempSync(join(tmpdir(), 'foveate-coco-'));
const rows = [];
try {
  for (const size of sizes) {
    const files = [join(folder, 'truth.json'), join(folder, 'results.json')];
    await writeMadeResults(size, ...files);
    const runs = Object.fromEntries(Object.keys(peers).map((name) => [name, []]));
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [name, [program, ...args]] of Object.entries(peers)) {
        const { stdout } = await promisify(execFile)(program, [...args, ...files]);
        runs[name].push(JSON.parse(stdout));
        console.error(`${size.found} found, round ${round + 1}, ${name}: ${stdout.trim().slice(0, 100)}`);
      }
    }
    compareStats(runs);
    const of = (name, value) => median(runs[name].map(value));
    for (const name of Object.keys(peers)) {
      const ratio = (value) => `${(of(name, value) / of('foveate', value)).toFixed(1)} x`;
      const evaluate = (run) => run.evaluate.processor;
      const all = (run) => run.load.processor + run.evaluate.processor;
      const peak = (run) => run.peak / 1024;
      rows.push([
        ...[size.images.toLocaleString('en'), size.found.toLocaleString('en'), name],
        ...[of(name, evaluate).toFixed(3), ratio(evaluate), of(name, all).toFixed(3), ratio(all)],
        ...[of(name, (run) => run.load.wall + run.evaluate.wall).toFixed(3), Math.round(of(name, peak)), ratio(peak)],
      ]);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** A time is worth nothing where the answer is another. */
function compareStats(runs) {
  for (const [name, [run]] of Object.entries(runs)) {
    const wrong = run.stats.findIndex((value, i) => Math.abs(value - runs.foveate[0].stats[i]) > 1e-9);
    if (wrong !== -1)
      throw new Error(`${name} and foveate differ in number ${wrong}: ${run.stats[wrong]}, ${runs.foveate[0].stats[wrong]}`);
  }
}

const header = [
  'pictures',
  'found',
  'by',
  'evaluate (s)',
  'ratio',
  'load + evaluate (s)',
  'ratio',
  'the same, wall (s)',
  'peak (MiB)',
  'ratio',
];
const line = (cells) => `| ${cells.join(' | ')} |`;
const table = [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
console.log(table);
if (values.write) {
  const text = `# COCO's box metrics

\`node bench/metrics/coco.mjs --rounds ${values.rounds} --write\`. 80 categories, 7.2 truths and 100 objects found in each picture, from the same JSON files; every run is a
process of its own, in turn, ${values.rounds} of each; medians. All three give the same twelve numbers within 1e-9. Ratios are to foveate. Seconds are processor time, of
all threads: the machine is shared, and foveate's lanes, which have the lowest priority, wait for whoever else works there. faster-coco-eval
works on several threads at times: of it, compare wall time as well.

${table}

Node ${process.version}, ${availableParallelism()} cores (${cpus()[0].model.trim()}), load ${loadavg()[0].toFixed(1)} at the end. pycocotools 2.0.11, faster-coco-eval 1.8.0 (\`COCOeval_faster\`).
Peak: VmHWM of the process, the interpreter and the file of results, which foveate maps, included.
`;
  writeFileSync(here('../results/metrics-coco.md'), text);
}
