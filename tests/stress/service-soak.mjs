/**
 * A service at its limit, for a time: `node --expose-gc tests/stress/service-soak.mjs [--minutes 10 | --seconds 600] [--seed N]`, after npm run build:ts.
 *
 * Callers ask the models of a pool, pictures and tensors, as fast as they are answered. Requests are aborted at any moment, have deadlines that cannot be held, or hold what cannot be read; runs fail
 * and run out of memory now and then; every five seconds a model is swapped, sometimes for one that cannot be loaded. Every request has to be answered, with the right result or with an
 * error that is due to it. The time is cut into rounds, each of which ends when all has been answered: in the second half of them, resident memory has to be what it was in the first, within 8 MB, and
 * file descriptors and threads the same.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createError } from '../../dist/errors/index.js';
import { createSession, Detector, FoveateError, ModelPool, Tensor, toBatchable } from '../../dist/index.js';
import { median } from '../../bench/statistics.mjs';
import { Random } from '../fuzz/onnx/random.mjs';
import { example } from './shipped-package.mjs';

const callers = 32;
const rounds = 20;
/** Batch sizes are found out in them, and memory fills that is used again. */
const warmUpRounds = 2;
const swapMs = 5000;
const settleMs = 60_000;
const allowedMegabytes = 8;
/** Below that, memory is told but not judged. */
const judgedSeconds = 120;
/** What injected faults give. */
const injected = ['ENGINE_FAILED', 'OUT_OF_MEMORY'];

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seconds: { type: 'string' }, seed: { type: 'string', default: '1' } },
});
const seconds = values.seconds === undefined ? 60 * Number(values.minutes) : Number(values.seconds);
if (!(seconds > 0)) throw new Error('Usage: service-soak.mjs [--minutes 10 | --seconds 600] [--seed N]');
if (globalThis.gc === undefined) throw new Error('Run with node --expose-gc');
const random = new Random(Number(values.seed));
const chance = (percent) => random.below(100) < percent;

/** A task whose runs fail now and then, for nothing that they were given. */
function faulty(task) {
  const inner = task[toBatchable]();
  const run = (...args) => {
    if (chance(2)) return Promise.reject(createError('ENGINE_FAILED', { message: 'an injected fault' }));
    if (chance(1)) return Promise.reject(createError('OUT_OF_MEMORY', { message: 'an injected fault' }));
    return inner.run(...args);
  };
  const get = (target, name) => {
    const member = target[name];
    return name === 'run' ? run : typeof member === 'function' ? member.bind(target) : member;
  };
  const wrapped = new Proxy(inner, { get });
  return { [toBatchable]: () => wrapped, [Symbol.asyncDispose]: () => task.dispose() };
}

const detectorFile = example('models/shapes-detector.onnx');
const classifierFile = example('models/shapes-classifier.onnx');
const paths = readdirSync(example('pictures'))
  .filter((name) => /^shapes-.*\.jpg$/.test(name))
  .map((name) => example(`pictures/${name}`));
const pictures = paths.map((path) => readFileSync(path));
const broken = pictures[0].subarray(0, 400);

/** What is to come out, by models that nothing else happens to. */
const plain = ({ boxes, scores, classIds }) => [[...boxes], [...scores], [...classIds]].flat();
const detector = await Detector.load(detectorFile);
const expectedObjects = (await detector.detect(paths)).map(plain);
await detector.dispose();
const session = await createSession(classifierFile);
const [{ name: input, shape }] = session.inputs;
const [{ name: output }] = session.outputs;
const elements = shape.slice(1).reduce((a, b) => a * b);
const tensors = Array.from({ length: 8 }, (_, k) => {
  const data = Float32Array.from({ length: elements }, (_, i) => ((i * (k + 3)) % 251) / 251);
  return new Tensor('float32', data, [1, ...shape.slice(1)]);
});
const expectedScores = [];
for (const tensor of tensors) {
  const result = await session.run({ [input]: tensor });
  expectedScores.push([...result.outputs[output].data]);
  result.dispose();
}
await session.dispose();
/** Other batch sizes sum up in another order. */
const isSame = (a, b) =>
  a.length === b.length && a.every((value, i) => Math.abs(value - b[i]) <= 1e-3 * Math.max(1, Math.abs(b[i])));

const counts = { sent: 0, answered: 0, right: 0, swaps: 0, failedSwaps: 0, codes: {}, reasons: {} };
const problems = [];
function problem(text) {
  problems.push(text);
  console.error(`PROBLEM: ${text}`);
}

const pool = new ModelPool();
const sources = {
  objects: {
    load: async (signal) => faulty(await Detector.load(detectorFile, { lanes: 2, threads: 1, signal })),
    files: detectorFile,
  },
  scores: { load: (signal) => createSession(classifierFile, { lanes: 2, threads: 1, signal }), files: classifierFile },
};
for (const [name, source] of Object.entries(sources)) pool.register(name, { ...source, version: '0', memoryBytes: 50e6 });

/** Options of a request, and the codes that it may be answered with for them. */
function someOptions() {
  const kind = random.below(100);
  const caller = `caller ${random.below(5)}`;
  if (kind < 10) {
    const stop = new AbortController();
    if (chance(30)) stop.abort();
    else setTimeout(() => stop.abort(), random.below(30));
    return { options: { signal: stop.signal, caller }, codes: ['ABORTED'] };
  }
  if (kind < 20)
    return { options: { deadlineMs: 1 + random.below(40), priority: random.below(3) }, codes: ['DEADLINE_EXCEEDED'] };
  return { options: chance(50) ? { caller } : {}, codes: [] };
}

async function askObjects() {
  const { options, codes } = someOptions();
  const isPoisoned = chance(8);
  const chosen = Array.from({ length: chance(10) ? 3 : 1 }, () => random.below(pictures.length));
  const images = chosen.map((i) => pictures[i]);
  if (isPoisoned) images[random.below(images.length)] = broken;
  const answer = pool.run('objects', { images }, options);
  await settled(answer, isPoisoned ? ['MEDIA_INVALID', ...codes] : [...injected, ...codes], ({ results }) => {
    if (isPoisoned) return 'a picture that cannot be read was answered with a result';
    const isRight = results.length === chosen.length && results.every((one, k) => isSame(plain(one), expectedObjects[chosen[k]]));
    return isRight ? undefined : `other objects than in the pictures ${chosen.join(', ')}`;
  });
}

async function askScores() {
  const { options, codes } = someOptions();
  const chosen = random.below(tensors.length);
  await settled(pool.run('scores', { [input]: tensors[chosen] }, options), codes, ({ outputs, dispose }) => {
    const isRight = isSame([...outputs[output].data], expectedScores[chosen]);
    dispose();
    return isRight ? undefined : `other scores than of tensor ${chosen}`;
  });
}

/** A request to its one end. */
async function settled(answer, codes, wrong) {
  counts.sent++;
  try {
    const result = await answer;
    const what = wrong(result);
    if (what === undefined) counts.right++;
    else problem(what);
    counts.reasons[result.batch.reason] = (counts.reasons[result.batch.reason] ?? 0) + 1;
  } catch (error) {
    const code = error instanceof FoveateError ? error.code : undefined;
    if (!codes.includes(code)) problem(`expected a result or ${codes.join(', ')} but received ${error?.stack}`);
    counts.codes[code] = (counts.codes[code] ?? 0) + 1;
  }
  counts.answered++;
}

async function swapSome() {
  const name = random.oneOf(Object.keys(sources));
  const version = String(counts.swaps + counts.failedSwaps + 1);
  const fails = chance(20);
  const load = fails ? () => Promise.reject(new Error('no such model')) : sources[name].load;
  try {
    await pool.swap(name, { ...sources[name], load, version, memoryBytes: 50e6 });
    counts.swaps++;
    if (fails) problem('a version that cannot be loaded took over');
    else if (pool.statistics().models[name].version !== version) problem(`version ${version} of ${name} has not taken over`);
  } catch (error) {
    counts.failedSwaps++;
    if (!fails || error.code !== 'POOL_LOAD_FAILED') problem(`a swap failed: ${error?.stack}`);
  }
}

async function round(ms) {
  const end = performance.now() + ms;
  const isOver = () => performance.now() >= end || problems.length > 20;
  const calls = Array.from({ length: callers }, async (_, i) => {
    while (!isOver()) await (i % 2 === 0 ? askObjects() : askScores());
  });
  const swaps = (async () => {
    for (let next = Math.min(swapMs, ms) / 2; next < ms && !isOver(); next += swapMs) {
      await sleep(Math.max(0, end - ms + next - performance.now()));
      await swapSome();
    }
  })();
  const all = Promise.all([...calls, swaps]).then(() => true);
  const inTime = await Promise.race([all, sleep(ms + settleMs, false, { ref: false })]);
  if (!inTime) problem(`${counts.sent - counts.answered} requests are not answered after ${settleMs / 1000} seconds`);
}

/** What the process has when nothing is asked of it. */
async function look() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await sleep(100);
  }
  const status = readFileSync('/proc/self/status', 'utf8');
  return {
    megabytes: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1000,
    files: readdirSync('/proc/self/fd').length,
    threads: Number(/Threads:\s+(\d+)/.exec(status)[1]),
  };
}

console.log(`seed ${values.seed}, ${seconds} seconds, ${callers} callers`);
const looks = [];
for (let i = 0; i < rounds && problems.length === 0; i++) {
  await round((1000 * seconds) / rounds);
  looks.push(await look());
}
const { models } = pool.statistics();
await pool.dispose();

const judged = looks.slice(warmUpRounds);
const halves = [judged.slice(0, judged.length >> 1), judged.slice(judged.length >> 1)];
const [first, second] = halves.map((half) => median(half.map(({ megabytes }) => megabytes)));
const [before, after] = [judged[0], judged.at(-1)];
console.log(
  JSON.stringify({
    ...counts,
    versions: Object.fromEntries(Object.entries(models).map(([name, { version }]) => [name, version])),
  }),
);
console.log(`resident memory, medians of the halves: ${first?.toFixed(1)} and ${second?.toFixed(1)} MB`);
console.log(`file descriptors ${before?.files} and ${after?.files}, threads ${before?.threads} and ${after?.threads}`);
if (counts.sent !== counts.answered) problem(`${counts.sent} requests were sent, ${counts.answered} answered`);
if (counts.right === 0 || counts.swaps === 0) problem('nothing was tried');
if (seconds >= judgedSeconds) {
  if (second - first > allowedMegabytes) problem(`resident memory grew by ${(second - first).toFixed(1)} MB`);
  if (after.files !== before.files || after.threads !== before.threads)
    problem('file descriptors or threads are not as many as before');
}
if (problems.length === 0) console.log('every request was answered as it should, and nothing was left');
process.exitCode = problems.length === 0 ? 0 : 1;
