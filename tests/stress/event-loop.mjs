/**
 * How long the event loop waits while 200 detections are queued: `event-loop.mjs [--repeats 7] [--detections 200] [--lanes 1]`.
 *
 * Beside it a control: two threads that only burn CPU, for as long. Both in turn, so that whatever else the machine does meets both alike.
 * The delay is what a timer of 1 ms comes late (the interval is subtracted). Prints every measurement and the medians.
 */
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { example, numbersFrom, shippedPackage } from './shipped-package.mjs';

const intervalMs = 1;
const allowedMs = 2;

const { repeats, detections, lanes } = numbersFrom({ repeats: 7, detections: 200, lanes: 1 });
const { url, remove } = shippedPackage();
const { Detector } = await import(url);
const detector = await Detector.load(example('models/shapes-detector.onnx'), { lanes, threads: availableParallelism() });
const pictures = ['shapes-640x480.jpg', 'shapes-500x700.jpg', 'shapes-1280x720.jpg'].map((name) => example(`pictures/${name}`));

/** The delays of the event loop while `work` goes on, in milliseconds. */
async function delaysDuring(work) {
  const histogram = monitorEventLoopDelay({ resolution: intervalMs });
  histogram.enable();
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  histogram.disable();
  const late = (percentile) => histogram.percentile(percentile) / 1e6 - intervalMs;
  return { p50: late(50), p99: late(99), highest: histogram.max / 1e6 - intervalMs, seconds, samples: histogram.count };
}

/** Two threads, told when to burn CPU and when to stop by a shared flag. */
const flag = new Int32Array(new SharedArrayBuffer(4));
const burners = Array.from({ length: 2 }, () => {
  const script = `
    const { workerData: flag } = require('node:worker_threads');
    for (;;) {
      Atomics.wait(flag, 0, 0);
      let x = 1;
      while (Atomics.load(flag, 0) === 1) for (let i = 0; i < 10000; i++) x = Math.imul(x, 1103515245) + 12345;
    }`;
  const worker = new Worker(script, { eval: true, workerData: flag });
  worker.unref();
  return worker;
});

async function burnFor(seconds) {
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
  await sleep(seconds * 1000);
  Atomics.store(flag, 0, 0);
}

async function detectAll() {
  const results = await Promise.all(Array.from({ length: detections }, (_, i) => detector.detect(pictures[i % pictures.length])));
  if (results.some(({ length }) => length === 0))
    throw new Error('A picture in which nothing was found: the run is not what it should be');
}

function line(what, { p50, p99, highest, seconds, samples }) {
  const ms = (value) => value.toFixed(2).padStart(7);
  return `${what.padEnd(24)} p50 ${ms(p50)}  p99 ${ms(p99)}  highest ${ms(highest)} ms  (${samples} samples in ${seconds.toFixed(1)} s)`;
}

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];

await detectAll(); // warms everything up
const ours = [];
const control = [];
for (let repeat = 0; repeat < repeats; repeat++) {
  const during = await delaysDuring(detectAll);
  const beside = await delaysDuring(() => burnFor(during.seconds));
  ours.push(during.p99);
  control.push(beside.p99);
  console.log(line(`${detections} detections queued`, during));
  console.log(line('control: CPU burnt', beside));
}
await detector.dispose();
await Promise.all(burners.map((worker) => worker.terminate()));
remove();
const [mine, theirs] = [median(ours), median(control)];
console.log(
  `median of p99: ${mine.toFixed(2)} ms with detections, ${theirs.toFixed(2)} ms in the control: ${(mine - theirs).toFixed(2)} ms above it (allowed: ${allowedMs} ms)`,
);
