/**
 * Worker threads that load the shipped prebuild, run a model, and exit in different ways: `workers.mjs [--rounds 20] [--workers 16]`.
 * The main thread never loads the addon: a library that leaves with the last worker must not take the process along.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { example, fixture, numbersFrom, shippedPackage } from './shipped-package.mjs';

/** How a worker ends, by its number. */
const endings = ['returns', 'disposes', 'exits', 'is terminated'];

if (isMainThread) await main();
else await work();

async function main() {
  const { rounds, workers } = numbersFrom({ rounds: 20, workers: 16 });
  const { url, remove } = shippedPackage();
  const started = performance.now();
  try {
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        Array.from({ length: workers }, (_, number) => oneWorker(url, endings[(round + number) % endings.length])),
      );
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${rounds} rounds of ${workers} workers ended as they should, in ${seconds} s`);
  } finally {
    remove();
  }
}

function oneWorker(url, ending) {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { url, ending } });
    let worked = false;
    worker.on('message', ({ objects }) => {
      worked = objects > 0;
      if (ending === 'is terminated') void worker.terminate();
    });
    worker.on('error', reject);
    worker.on('exit', (code) => {
      const expected = ending === 'is terminated' ? 1 : ending === 'exits' ? 7 : 0;
      if (worked && code === expected) resolve();
      else
        reject(
          new Error(
            `A worker that ${ending} ended with code ${code}, expected ${expected}; it ${worked ? 'worked' : 'did nothing'}`,
          ),
        );
    });
  });
}

async function work() {
  const { url, ending } = workerData;
  const { createSession, Detector, Tensor } = await import(url);
  const detector = await Detector.load(example('models/shapes-detector.onnx'), { threads: 1 });
  const found = await detector.detect(example('pictures/shapes-640x480.jpg'));
  const loop = await createSession(fixture('loop.onnx'), { threads: 1 });
  const runFor = (iterations) =>
    loop.run({ count: new Tensor('int64', BigInt64Array.of(iterations), []), x: new Tensor('float32', new Float32Array(64)) });
  // Still open when the worker ends, unless it disposes of them.
  globalThis.kept = [detector, loop];
  if (ending === 'disposes') {
    (await runFor(10n)).dispose();
    await Promise.all([detector.dispose(), loop.dispose()]);
  }
  // Whoever exits or is terminated has work under way: one run that takes for ever, one that is queued, a picture, and a model that opens.
  if (ending === 'exits' || ending === 'is terminated') {
    for (const pending of [
      runFor(2n ** 40n),
      runFor(1n),
      detector.detect(example('pictures/shapes-480x360.png')),
      createSession(fixture('fixed.onnx')),
    ]) {
      pending.catch(() => {});
    }
  }
  parentPort.postMessage({ objects: found.length });
  if (ending === 'exits') process.exit(7);
}
