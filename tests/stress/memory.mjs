/**
 * Whether memory grows: `memory.mjs [--cycles 1000] [--runs 5000] [--repeats 3]`, with `node --expose-gc`.
 *
 * Cycles open a model, run it and dispose of it; every tenth fails, each time in another way. Runs go through one session and one detector.
 * Of each kind, the resident memory in the second half may be at most 8 MB above that in the first. Prints the numbers; exits with 1 where
 * it grew.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { example, fixture, numbersFrom, shippedPackage } from './shipped-package.mjs';

const limitMegabytes = 8;
const samples = 40;

const { cycles, runs, repeats } = numbersFrom({ cycles: 1000, runs: 5000, repeats: 3 });
const { url, remove } = shippedPackage();
const { createSession, Detector, Tensor } = await import(url);

const model = example('models/shapes-classifier.onnx');
const truncated = readFileSync(model).subarray(0, 20_000);
const failures = [
  () => createSession(fixture('unknown_operator.onnx')),
  () => createSession(truncated),
  () => createSession(fixture('opset_99.onnx')),
  () => createSession(fixture('external_outside.onnx')),
  () => createSession(model, { signal: AbortSignal.abort() }),
  abortedWhileLoading,
  () => Detector.load(fixture('fixed.onnx')),
  () => Detector.load(model),
];

async function abortedWhileLoading() {
  const stop = new AbortController();
  const loading = createSession(model, { signal: stop.signal });
  setImmediate(() => stop.abort());
  await (await loading).dispose();
  throw new Error('the model was open before the abort came');
}

async function cycle(number) {
  if (number % 10 === 9) {
    const failed = await failures[Math.floor(number / 10) % failures.length]().then(
      () => false,
      () => true,
    );
    if (!failed) throw new Error(`Cycle ${number} was to fail`);
    return;
  }
  const session = await createSession(model, { threads: 1, lanes: 1 + (number % 2) });
  const input = Tensor.allocate('float32', [
    1,
    3,
    ...session.inputs[0].shape.slice(2).map((dim) => (typeof dim === 'number' ? dim : 64)),
  ]);
  const result = await session.run({ [session.inputs[0].name]: input });
  if (number % 2 === 0) result.dispose(); // the others are left to the collector
  input.dispose();
  await session.dispose();
}

/** One run in five takes a picture all the way; of the others, every second forgets its outputs. */
async function runOnce(number, { session, detector, values, dims, name }) {
  if (number % 5 === 4) {
    await detector.detect(example(number % 2 === 0 ? 'pictures/shapes-640x480.jpg' : 'pictures/shapes-480x360.png'));
    return;
  }
  const result = await session.run({ [name]: new Tensor('float32', values, dims) });
  if (number % 2 === 0) result.dispose();
}

/** Does something `count` times and looks at the resident memory in between. */
async function measure(what, count, work) {
  const megabytes = [];
  for (let i = 0; i < count; i++) {
    await work(i);
    if ((i + 1) % Math.floor(count / samples) !== 0) continue;
    globalThis.gc();
    await sleep(5); // finalisers run after the collection
    megabytes.push(process.memoryUsage.rss() / 2 ** 20);
  }
  const half = Math.floor(megabytes.length / 2);
  const first = Math.max(...megabytes.slice(0, half));
  const second = Math.max(...megabytes.slice(half));
  const growth = second - first;
  console.log(
    `${what}: highest resident memory ${first.toFixed(1)} MB in the first half, ${second.toFixed(1)} MB in the second: ${growth >= 0 ? '+' : ''}${growth.toFixed(1)} MB`,
  );
  return growth <= limitMegabytes;
}

let held = true;
for (let repeat = 1; repeat <= repeats; repeat++) {
  held = (await measure(`${repeat}. ${cycles} cycles of load and dispose, every tenth failing`, cycles, cycle)) && held;
  const session = await createSession(model, { threads: 1 });
  const detector = await Detector.load(example('models/shapes-detector.onnx'), { threads: 1 });
  const [{ name, shape }] = session.inputs;
  const dims = [1, 3, ...shape.slice(2).map((dim) => (typeof dim === 'number' ? dim : 64))];
  const values = new Float32Array(dims.reduce((product, dim) => product * dim, 1));
  const tools = { session, detector, name, dims, values };
  held = (await measure(`${repeat}. ${runs} runs`, runs, (number) => runOnce(number, tools))) && held;
  await Promise.all([session.dispose(), detector.dispose()]);
}
remove();
console.log(held ? `grew by at most ${limitMegabytes} MB each time` : `grew by more than ${limitMegabytes} MB`);
process.exitCode = held ? 0 : 1;
