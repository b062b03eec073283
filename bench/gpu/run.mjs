/**
 * Latency and throughput of engines on this machine's GPU, and what a session costs over the bare library:
 *
 *     node bench/gpu/run.mjs [--models A.onnx,B.onnx] [--precisions fp32,fp16,int8] [--batches 1,8,32] [--lanes 1,2,4] [--seconds 2] [--device tensorrt] [--work DIR] [--write FILE]
 *
 * --write FILE writes FILE.md and FILE.json. A configuration that was measured is kept in the work folder, so that a run that was cut short goes on where it was; engines are in
 * foveate's cache. Without a GPU it says so and ends with 3. Where driver and TensorRT are stand-ins, the tables say so.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { binding } from '../../dist/binding/index.js';
import { createSession, FoveateError } from '../../dist/index.js';
import { projectRoot } from '../../scripts/commands.mjs';
import { median } from '../statistics.mjs';
import { engineOf } from './engines.mjs';
import { machineOf } from './machine.mjs';
import { quantile, runFor, runOf, warmUp } from './measure.mjs';
import { overheadOf } from './overhead.mjs';
import { latencyTable } from './tables.mjs';

const shared = join(projectRoot, '../shared');
const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    precisions: { type: 'string', default: 'fp32,fp16,int8' },
    batches: { type: 'string', default: '1,8,32' },
    lanes: { type: 'string', default: '1,2,4' },
    seconds: { type: 'string', default: '2' },
    device: { type: 'string', default: 'tensorrt' },
    work: { type: 'string', default: join(projectRoot, 'build/bench-gpu-work') },
    write: { type: 'string' },
  },
});
const numbers = (text) => text.split(',').map(Number);
const batches = numbers(options.batches);
const ms = 1000 * Number(options.seconds);
const work = resolve(options.work);

/** Our own detector, and yolov8n where the shared models are; each with pictures to calibrate with. */
const known = [
  { model: join(projectRoot, 'examples/models/shapes-detector.onnx'), pictures: join(projectRoot, 'examples/pictures') },
  { model: join(shared, 'models/yolov8n_fp32.onnx'), pictures: join(shared, 'images/scenes') },
];
const models = options.models
  ? options.models.split(',').map((model) => ({ model: resolve(model), pictures: known[0].pictures }))
  : known.filter(({ model }) => existsSync(model));

/** A checkout has its addon elsewhere than a package. */
const addonHash = createHash('sha256').update(readFileSync(binding().file)).digest('hex');

/** What `measure` gives, or gave in an earlier run of the same code on the same machine. */
async function kept(name, about, measure) {
  const of = createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 12);
  const file = join(work, `${name}-${of}.json`);
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8'));
  const result = await measure();
  mkdirSync(work, { recursive: true });
  writeFileSync(file, JSON.stringify(result));
  return result;
}

async function measured(bundle, { batch, lanes, cudaGraphs }) {
  const session = await createSession(bundle.path, { lanes, cudaGraphs });
  const { run } = runOf(session, batch);
  await warmUp(run, lanes);
  // As many callers as lanes: what one waits for is the run. Twice as many: no lane waits for a caller.
  const { times, results } = await runFor(run, lanes, ms);
  const { times: many, ms: taken } = await runFor(run, 2 * lanes, ms);
  await session.dispose();
  const of = (name) => median(results.map(({ result }) => result[name]));
  return {
    runs: times.length,
    ...{ p50: quantile(times, 0.5), p95: quantile(times, 0.95), p99: quantile(times, 0.99) },
    ...{ queueMs: of('queueMs'), uploadMs: of('uploadMs'), computeMs: of('computeMs'), downloadMs: of('downloadMs') },
    picturesPerSecond: (1000 * batch * many.length) / taken,
  };
}

const rows = [];
const overheads = [];
let machine;
try {
  for (const { model, pictures } of models) {
    for (const precision of options.precisions.split(',')) {
      const bundle = await engineOf(model, precision, { pictures, batches, work: join(work, 'forms'), device: options.device });
      machine ??= await machineOf(bundle);
      const name = basename(model, '.onnx');
      // Numbers of the stand-ins and of a GPU do not meet in one table.
      const place = `${machine.onStandIns ? 'standin' : 'gpu'}-${options.device}-${name}-${precision}`;
      const about = [machine, bundle.manifest.engine.sha256, options.seconds, addonHash];
      for (const batch of batches) {
        for (const lanes of numbers(options.lanes)) {
          for (const cudaGraphs of [false, true]) {
            const asked = { batch, lanes, cudaGraphs };
            const found = await kept(`${place}-${batch}-${lanes}-${cudaGraphs ? 'graphs' : 'plain'}`, about, () =>
              measured(bundle, asked),
            );
            rows.push({ model: name, precision, ...asked, ...found });
            console.error(JSON.stringify(rows.at(-1)));
          }
        }
      }
      for (const batch of new Set([batches[0], batches.at(-1)])) {
        const found = await kept(`${place}-${batch}-overhead`, about, () => overheadOf(bundle, batch));
        overheads.push({ model: name, precision, batch, ...found });
        console.error(JSON.stringify(overheads.at(-1)));
      }
    }
  }
} catch (error) {
  if (!(error instanceof FoveateError) || !['BACKEND_NOT_FOUND', 'BACKEND_UNAVAILABLE'].includes(error.code)) throw error;
  console.error(`SKIPPED: nothing can be measured here. ${error.message}`);
  process.exit(3);
}
const text = latencyTable({ machine, rows, overheads });
console.log(text);
if (options.write) {
  writeFileSync(`${options.write}.md`, text);
  writeFileSync(`${options.write}.json`, `${JSON.stringify({ machine, rows, overheads }, null, 1)}\n`);
}
