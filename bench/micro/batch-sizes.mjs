/**
 * Which batch size a `DynamicBatcher` finds by itself: for the example models on this machine, and for something that takes as long for a batch as for one sample. Beside it,
 * batches of 1 and of 16 that are asked for; 32 callers, alternating in one run.
 */
import { join } from 'node:path';

import { createSession, DynamicBatcher, Tensor } from '../../dist/index.js';
import { median } from '../statistics.mjs';

const callers = 32;
const roundMs = 1000;
const rounds = 5;
const sizes = { classifier: 96, segmenter: 128, detector: 256 };

/** Requests per second. */
async function throughput(batcher, item, release) {
  const started = performance.now();
  let done = 0;
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (performance.now() - started < roundMs) {
        release(await batcher.run(item));
        done++;
      }
    }),
  );
  return (done * 1000) / (performance.now() - started);
}

async function compare(name, source, item, release) {
  const kinds = { measured: {}, 'of 1': { preferredSizes: [1] }, 'of 16': { preferredSizes: [16] } };
  const batchers = Object.entries(kinds).map(([kind, options]) => {
    return { kind, batcher: new DynamicBatcher(source, { maxBatch: 16, ...options }), rates: [] };
  });
  for (let round = 0; round <= rounds; round++) {
    for (const { batcher, rates } of batchers) {
      const rate = await throughput(batcher, item, release);
      if (round > 0) rates.push(rate);
    }
  }
  const [{ target, costs }] = batchers[0].batcher.statistics().groups;
  const told = costs.flatMap(({ size, msPerSample }) => (msPerSample === undefined ? [] : `${size}: ${msPerSample.toFixed(2)}`));
  console.log(`${name}: batches of ${target}; ms per sample by size: ${told.join(', ')}`);
  for (const { kind, rates } of batchers) console.log(`  batches ${kind}: ${median(rates).toFixed(0)} requests per second`);
  for (const { batcher } of batchers) await batcher.dispose();
}

for (const [name, size] of Object.entries(sizes)) {
  const session = await createSession(join(import.meta.dirname, `../../examples/models/shapes-${name}.onnx`), { device: 'cpu' });
  const images = Tensor.allocate('float32', [1, 3, size, size]);
  images.data.fill(0.5);
  await compare(name, session, { images }, (result) => result.dispose());
  images.dispose();
  await session.dispose();
}

/** 10 ms for a batch of whatever size. */
const flat = {
  lanes: 1,
  mostSamples: Infinity,
  samples: () => 1,
  group: () => '',
  slice: (item) => item,
  join: ([result]) => result,
  open: () => undefined,
  prepare: () => undefined,
  run: () => new Promise((resolve) => setTimeout(() => resolve({ output: undefined, queueMs: 0, computeMs: 10 }), 10)),
  finish: () => ({}),
  discard: () => undefined,
  close: () => undefined,
};
await compare('10 ms for any batch', flat, undefined, () => undefined);
