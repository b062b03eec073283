/**
 * The thread that executes inputs; fuzz.mjs watches it. Before each execution the input is written into shared memory: whatever happens to
 * this thread, it is known what it was at.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { ModelProtoSchema } from '../../../dist/graph/onnx_pb.js';
import { checkWire } from '../../../dist/graph/wire.js';
import { Coverage } from './coverage.mjs';
import { mutate } from './mutate.mjs';
import { Random } from './random.mjs';
import { seeds } from './seeds.mjs';
import { inspect } from './target.mjs';

const { shared, folders, replay, seed, seconds, executions, corpusFolder, keepFolder } = workerData;
const progress = new Int32Array(shared, 0, 2); // executions begun, length of the input
const current = new Uint8Array(shared, 8);

/** Slowest of all executions. */
let slowestMs = 0;

async function execute(bytes) {
  current.set(bytes.subarray(0, current.length));
  Atomics.store(progress, 1, bytes.length);
  Atomics.add(progress, 0, 1);
  const started = performance.now();
  await inspect(bytes);
  slowestMs = Math.max(slowestMs, performance.now() - started);
}

function filesOf(folder) {
  return readdirSync(folder).map((name) => readFileSync(join(folder, name)));
}

function isSound(bytes) {
  try {
    checkWire(bytes, ModelProtoSchema);
    return true;
  } catch {
    return false;
  }
}

/** What a run begins with. */
function knownInputs() {
  return [...seeds(ModelProtoSchema), ...[...folders, ...(corpusFolder === undefined ? [] : [corpusFolder])].flatMap(filesOf)];
}

function save(bytes, folder) {
  writeFileSync(join(folder, createHash('sha1').update(bytes).digest('hex')), bytes);
}

/** Of all known inputs, those that together reach every place, however often, the smallest first. */
async function keepSmallest() {
  const coverage = new Coverage({ counts: false });
  for (const bytes of knownInputs().sort((left, right) => left.length - right.length)) {
    coverage.reset();
    await execute(bytes);
    if (coverage.take() && isSound(bytes)) save(bytes, keepFolder);
  }
}

/** Mutants of what has reached something new, until the time or the number is over. */
async function fuzz() {
  const coverage = new Coverage();
  const corpus = [];
  const keep = (bytes) => {
    if (bytes.length > current.length || !isSound(bytes)) return; // what is no message reaches little, and cannot be changed as one
    corpus.push(bytes);
    if (corpusFolder !== undefined) save(bytes, corpusFolder);
  };
  for (const bytes of knownInputs()) {
    coverage.reset();
    await execute(bytes);
    if (coverage.take()) keep(bytes);
  }
  const random = new Random(seed);
  const end = performance.now() + seconds * 1000;
  const tell = () =>
    parentPort.postMessage({ executions: progress[0], features: coverage.size, corpus: corpus.length, slowestMs });
  let told = performance.now();
  for (let count = 0; count < executions && performance.now() < end; count++) {
    const bytes = mutate(random.oneOf(corpus), random.oneOf(corpus), ModelProtoSchema, random, current.length);
    await execute(bytes);
    if (coverage.take()) keep(Uint8Array.from(bytes));
    if (performance.now() - told < 10_000) continue;
    told = performance.now();
    tell();
  }
  tell();
}

try {
  if (replay) {
    for (const bytes of folders.flatMap(filesOf)) await execute(bytes);
    parentPort.postMessage({ executions: progress[0], slowestMs });
  } else if (keepFolder !== undefined) {
    await keepSmallest();
  } else {
    await fuzz();
  }
} catch (error) {
  const causes = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) causes.push(cause.stack);
  parentPort.postMessage({ broken: causes.join('\ncaused by ') });
}
