/**
 * The fuzzer of the ONNX reader: `fuzz.mjs [--seconds 60] [--seed 1] [--executions N] [--corpus FOLDER]`; `fuzz.mjs --replay` executes what is kept;
 * `--keep FOLDER` writes the smallest inputs that reach as much as all.
 * Started by `npm run fuzz -- onnx`. What breaks a promise, takes too long or too much memory is written to tests/fuzz/cases/onnx/.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

const maxInputBytes = 32 * 1024;
/** Of one input: far more than any of that length needs, on a busy machine too. */
const limitMs = 10_000;
const limitMegabytes = { heap: 512, resident: 1536 };

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    executions: { type: 'string', default: 'Infinity' },
    corpus: { type: 'string' },
    keep: { type: 'string' },
    replay: { type: 'boolean', default: false },
  },
});

const root = join(import.meta.dirname, '..');
const [cases, kept] = [join(root, 'cases/onnx'), join(root, 'corpus/onnx')];
for (const folder of [cases, kept, ...[values.corpus ?? []].flat()]) mkdirSync(folder, { recursive: true });

const shared = new SharedArrayBuffer(8 + maxInputBytes);
const progress = new Int32Array(shared, 0, 2);
const worker = new Worker(new URL('worker.mjs', import.meta.url), {
  workerData: {
    shared,
    folders: [cases, kept],
    replay: values.replay,
    seed: Number(values.seed),
    seconds: Number(values.seconds),
    executions: Number(values.executions),
    corpusFolder: values.corpus,
    keepFolder: values.keep,
  },
  resourceLimits: { maxOldGenerationSizeMb: limitMegabytes.heap },
});

let found = false;

function finding(kind, reason) {
  if (found) return;
  found = true;
  const bytes = new Uint8Array(shared, 8, Math.min(progress[1], maxInputBytes)).slice();
  const file = join(cases, `${kind}-${createHash('sha1').update(bytes).digest('hex').slice(0, 12)}`);
  writeFileSync(file, bytes);
  console.error(`${reason}\nThe input is in ${relative(process.cwd(), file)} (${bytes.length} bytes, execution ${progress[0]})`);
  process.exitCode = 1;
  void worker.terminate();
}

let last = { execution: 0, since: performance.now() };
const watch = setInterval(() => {
  const [execution] = progress;
  if (execution !== last.execution) last = { execution, since: performance.now() };
  // The first one waits for the modules to load.
  if (execution > 0 && performance.now() - last.since > limitMs) finding('hang', `An input takes longer than ${limitMs} ms`);
  const resident = process.memoryUsage.rss() / 2 ** 20;
  if (resident > limitMegabytes.resident) finding('memory', `An input takes memory: ${resident.toFixed(0)} MB are resident`);
}, 100);

worker.on('message', ({ broken, executions, features, corpus, slowestMs }) => {
  if (broken !== undefined) return finding('broken', broken);
  const reached = features === undefined ? '' : `, ${features} features, ${corpus} in the corpus`;
  console.log(`${executions} executions${reached}, slowest ${slowestMs.toFixed(0)} ms`);
});
worker.on('error', (error) => {
  const outOfMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
  finding(
    outOfMemory ? 'memory' : 'broken',
    outOfMemory ? `An input takes more than ${limitMegabytes.heap} MB of heap` : error.stack,
  );
});
worker.on('exit', () => {
  clearInterval(watch);
  if (!found) console.log(`nothing found (seed ${values.seed})`);
});
