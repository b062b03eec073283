/**
 * Everything at once, for a time: `soak.mjs [--seconds 600] [--seed N]`, with `node --expose-gc`; `npm run soak -- --minutes 10`.
 *
 * Models of all tasks are opened, called with good and bad pictures, aborted, disposed of and opened again, in this thread and in workers. Every
 * call must settle, with a result or with the error that is due. The time is cut into rounds: at the end of each all is disposed of, and nothing
 * may be left. What is compared is the state at those ends: resident memory, file descriptors and threads must not grow.
 */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { Random } from '../fuzz/onnx/random.mjs';
import { example, shippedPackage } from './shipped-package.mjs';
import { brokenModel, somePath, somePictures, soakModels } from './soak-work.mjs';

const concurrentCalls = 12;
const openModels = 4;
const shortestRoundSeconds = 2;
/** A call that takes longer hangs. */
const settleSeconds = 60;
/**
 * Resident memory may be so much higher in the last third than in the first: one state differs from the next by a twentieth. A picture or a model
 * that is lost now and then is far more.
 */
const allowedShare = 0.1;
const allowedHeapMegabytes = 2;
/** Below that, the first third is still warming up: memory and threads are told but not judged. */
const judgedSeconds = 120;
/** Threads that sharp's library keeps idle for a while, more or fewer. */
const allowedThreads = 4;

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seconds: { type: 'string' }, seed: { type: 'string' } },
});
const seconds = values.seconds === undefined ? Number(values.minutes) * 60 : Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) throw new Error('Usage: soak.mjs [--minutes 10 | --seconds 600] [--seed N]');
if (globalThis.gc === undefined) throw new Error('Run with node --expose-gc');

const { url, remove } = shippedPackage();
const { loadTask, createSession, Picture, FoveateError, Tensor } = await import(url);
const { native } = await import(new URL('binding/index.js', url).href);

console.log(`seed ${seed}, ${seconds} seconds`);
const random = new Random(seed);
const models = await soakModels(new URL('graph/onnx_pb.js', url).href);
const counts = { calls: 0, succeeded: 0, failed: 0, aborted: 0, disposed: 0, opened: 0, workers: 0 };
const problems = [];
const inFlight = new Map(); // promise to what it is

function problem(text) {
  problems.push(text);
  console.error(`PROBLEM: ${text}`);
}

/** Follows a call to its end, which must be success or one of the codes; none means it has to succeed. */
function track(what, call, { codes = [], optional = [] } = {}) {
  counts.calls++;
  const settled = call.then(
    (value) => {
      if (codes.length > 0) problem(`${what}: expected ${codes.join(' or ')}, but it succeeded`);
      else counts.succeeded++;
      return value;
    },
    (error) => {
      const code = error instanceof FoveateError ? error.code : undefined;
      if (code === undefined || ![...codes, ...optional].includes(code)) {
        problem(`${what}: expected ${[...codes, ...optional].join(' or ') || 'success'} but received ${error?.stack}`);
      } else if (code === 'ABORTED') counts.aborted++;
      else if (code === 'DISPOSED') counts.disposed++;
      else counts.failed++;
    },
  );
  inFlight.set(settled, `${what}, since ${counts.calls} calls`);
  return settled.finally(() => inFlight.delete(settled));
}

/** A signal that is aborted at some moment: before, at once, or while the call is under way. */
function someSignal() {
  const stop = new AbortController();
  const when = random.below(4);
  if (when === 0) stop.abort();
  else if (when === 1) setImmediate(() => stop.abort());
  else setTimeout(() => stop.abort(), random.below(60)).unref();
  return stop.signal;
}

/** Open models, each with what is known of it. */
const open = [];

function pickModel() {
  for (;;) {
    const model = random.oneOf(models);
    if (random.below(model.cost) === 0) return model;
  }
}

async function openModel() {
  const model = pickModel();
  const place = { model, task: undefined, closed: false };
  const options = { ...random.oneOf(model.options), task: model.task };
  place.task = await track(`open ${model.name}`, loadTask(model.source, options));
  counts.opened++;
  if (place.task !== undefined) open.push(place);
}

function callModel() {
  const place = open[random.below(open.length)];
  if (place === undefined) return undefined;
  const { pictures, codes } = somePictures(random);
  const options = {};
  let due = { codes: [...codes] };
  if (random.below(6) === 0) {
    options.signal = someSignal();
    due = codes.size > 0 || options.signal.aborted ? { codes: ['ABORTED', ...codes] } : { optional: ['ABORTED'] };
  } else if (random.below(25) === 0) {
    options.pixelLimit = 10; // which a frame may have
    due = { optional: ['MEDIA_TOO_LARGE', ...codes] };
  }
  return track(`${place.model.name}.${place.model.task}`, place.task[place.model.task](pictures, options), due);
}

/** Disposes while calls are under way: those must still end well, later ones are refused. */
async function closeModel() {
  const [place] = open.splice(random.below(open.length), 1);
  if (place === undefined) return;
  const closing = place.task.dispose();
  void track('call after disposal', place.task[place.model.task](somePath(random)), { codes: ['DISPOSED'] });
  await track('dispose', closing);
}

async function runSession() {
  const session = await track('open a session', createSession(example('models/shapes-classifier.onnx'), { threads: 1 }));
  if (session === undefined) return;
  const batch = 1 + random.below(3);
  const input = Tensor.allocate('float32', [batch, 3, 96, 96]);
  input.data.fill(random.below(100) / 100);
  const signal = random.below(3) === 0 ? someSignal() : undefined;
  const optional = signal === undefined ? [] : ['ABORTED'];
  const result = await track(
    'run',
    session.run({ images: input }, { signal }),
    signal?.aborted ? { codes: ['ABORTED'] } : { optional },
  );
  if (random.below(2) === 0) result?.dispose(); // else it is left to the collector
  input.dispose();
  await track('dispose of a session', session.dispose());
}

async function drawPicture() {
  const picture = await track('decode', Picture.read(somePath(random)));
  if (picture === undefined) return;
  await track('encode', picture.toBuffer(random.oneOf(['jpeg', 'png'])));
  picture.dispose();
}

const workerScript = `
  import('node:worker_threads').then(async ({ parentPort, workerData: { url, model, picture, ending } }) => {
    const { Detector } = await import(url);
    const detector = await Detector.load(model, { threads: 1 });
    const found = await detector.detect(picture);
    if (ending !== 'dispose') for (let i = 0; i < 3; i++) detector.detect(picture).catch(() => {});
    else await detector.dispose();
    parentPort.postMessage(found.length);
    if (ending === 'exit') process.exit(7);
  });`;

/** A worker thread that loads the library, finds something, and ends in one of the ways that there are. */
async function runWorker() {
  counts.workers++;
  const ending = random.oneOf(['dispose', 'exit', 'terminate']);
  const workerData = {
    url,
    model: example('models/shapes-detector.onnx'),
    picture: example('pictures/shapes-640x480.jpg'),
    ending,
  };
  const worker = new Worker(workerScript, { eval: true, workerData });
  const exited = new Promise((resolve, reject) => {
    let found = -1;
    worker.on('message', (length) => {
      found = length;
      if (ending === 'terminate') void worker.terminate();
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      // One that is terminated may have come to its end before.
      const expected = { dispose: [0], exit: [7], terminate: [0, 1] }[ending];
      if (found <= 0 || !expected.includes(code))
        problem(`a worker that ends by ${ending} found ${found} and ended with ${code}`);
      resolve();
    });
  });
  await track(`worker, ${ending}`, exited);
}

/** What is done next, as often as it stands here. */
const actions = [
  ...Array(30).fill(callModel),
  ...Array(3).fill(closeModel),
  ...Array(2).fill(runSession),
  ...Array(2).fill(drawPicture),
  () => track('open what is no model', createSession(brokenModel(random)), { codes: ['MODEL_INVALID'] }),
  () =>
    track('open, aborted', loadTask(random.oneOf(models).source, { task: 'detect', signal: AbortSignal.abort() }), {
      codes: ['ABORTED'],
    }),
];

/** Keeps as many calls under way as may be, until the time is over. */
async function busyUntil(end) {
  const lane = async () => {
    while (performance.now() < end) {
      if (open.length < openModels) await openModel();
      else await random.oneOf(actions)();
    }
  };
  const workers = async () => {
    await runWorker();
    if (performance.now() + 5000 < end) return workers();
  };
  await settledInTime(Promise.all([...Array.from({ length: concurrentCalls }, lane), workers()]), end);
}

async function settledInTime(all, end) {
  const stop = new AbortController();
  const late = sleep(Math.max(0, end - performance.now()) + settleSeconds * 1000, 'late', { signal: stop.signal });
  const outcome = await Promise.race([all, late]);
  stop.abort();
  late.catch(() => {});
  if (outcome === 'late') {
    problem(`did not settle within ${settleSeconds} s: ${[...inFlight.values()].join('; ')}`);
    remove();
    process.exit(1);
  }
}

/** Disposes of all; then the process is to be as it was. */
async function stateWhenIdle() {
  await settledInTime(Promise.all(open.splice(0).map(({ task }) => track('dispose', task.dispose()))), performance.now());
  let state;
  // Finalisers run after a collection, and the system takes its time to end threads.
  for (let attempt = 0; attempt < 40; attempt++) {
    globalThis.gc();
    await sleep(50);
    const memory = process.memoryUsage();
    state = {
      megabytes: memory.rss / 2 ** 20,
      heap: (memory.heapUsed + memory.external) / 2 ** 20,
      descriptors: readdirSync('/proc/self/fd').length,
      threads: readdirSync('/proc/self/task').length,
      liveBytes: native().memoryStatistics().liveBytes,
    };
    if (state.liveBytes === 0 && attempt >= 3) break;
  }
  if (inFlight.size > 0) problem(`still under way: ${[...inFlight.values()].join('; ')}`);
  if (state.liveBytes !== 0) problem(`${state.liveBytes} bytes of native memory are held after all was disposed of`);
  return state;
}

const rounds = Math.max(4, Math.min(40, Math.floor(seconds / (2 * shortestRoundSeconds))));
const states = [];
const started = performance.now();
for (let round = 1; round <= rounds; round++) {
  await busyUntil(started + (seconds * 1000 * round) / rounds);
  const state = await stateWhenIdle();
  states.push(state);
  console.log(
    `round ${round}/${rounds}: ${state.megabytes.toFixed(0)} MB, ${state.heap.toFixed(0)} of JavaScript, ${state.descriptors} descriptors, ${state.threads} threads, ${state.liveBytes} bytes live`,
  );
}

remove();

/** Median of a third of what came after the warm-up, the first quarter. */
function typical(third, name) {
  const warm = states.slice(Math.ceil(states.length / 4));
  const length = Math.ceil(warm.length / 3);
  const part = third === 'first' ? warm.slice(0, length) : warm.slice(-length);
  return part.map((state) => state[name]).sort((left, right) => left - right)[Math.floor(length / 2)];
}

console.log(
  Object.entries(counts)
    .map(([name, count]) => `${count} ${name}`)
    .join(', '),
);
const judged = seconds >= judgedSeconds;
for (const [name, unit, allowed] of [
  ['megabytes', 'MB resident', judged ? allowedShare * typical('first', 'megabytes') : Infinity],
  ['heap', 'MB of JavaScript', judged ? allowedHeapMegabytes : Infinity],
  ['descriptors', 'descriptors', 0],
  ['threads', 'threads', judged ? allowedThreads : Infinity],
]) {
  const [first, last] = [typical('first', name), typical('last', name)];
  console.log(`median of the first third ${first.toFixed(0)}, of the last ${last.toFixed(0)} ${unit}`);
  if (last > first + allowed) problem(`${unit} grew from ${first.toFixed(0)} to ${last.toFixed(0)}`);
}
console.log(
  problems.length === 0 ? 'all calls ended as they should, and nothing was left' : `${problems.length} problems, seed ${seed}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
