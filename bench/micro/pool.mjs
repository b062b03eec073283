/**
 * A `ModelPool` of six models with memory for about three of them, and 32 callers who ask for any of them: what failed (nothing must), how often models were loaded and given up, and what memory
 * that took, by the pool's account and by the system's. Needs the shared models.
 *
 *     node --expose-gc bench/micro/pool.mjs [REQUESTS]
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { createSession, ModelPool, Tensor } from '../../dist/index.js';
import { median } from '../statistics.mjs';

const names = [
  'mobilenetv2_fp32',
  'yolov8n_fp32',
  'yolox_nano_416',
  'mobilefacenet_112',
  'ultraface_rfb_320',
  'prisma_portrait_seg_256',
];
const callers = 32;
const requests = Number(process.argv[2] ?? 640);
const megabyte = 1e6;

const pathOf = (name) => fileURLToPath(new URL(`../../../shared/models/${name}.onnx`, import.meta.url));
const shown = (bytes) => `${(bytes / megabyte).toFixed(1)} MB`;

/** Private memory of the process, without the heap of JavaScript: what the pool measures models by. */
function privateBytes() {
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1];
  return Number(kibibytes) * 1024 - process.memoryUsage().heapTotal;
}

/** Numbers from 0 to 1, the same each time (a linear congruential generator). */
function random(seed) {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function makePool(options) {
  const pool = new ModelPool(options);
  for (const name of names) {
    const load = (signal) => createSession(pathOf(name), { signal });
    pool.register(name, { load, files: pathOf(name), batching: { maxBatch: 1 } });
  }
  return pool;
}

const inputs = {};
async function measureAll() {
  const pool = makePool();
  for (const name of names) {
    await pool.use(name, (session) => {
      const [{ name: input, dtype, shape }] = session.inputs;
      const dims = shape.map((dim) => (typeof dim === 'number' ? dim : 1));
      inputs[name] = { [input]: new Tensor(dtype, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.5), dims) };
    });
  }
  const { models } = pool.statistics();
  for (const [name, { memoryBytes, loadMs, warmUp }] of Object.entries(models))
    console.log(
      `  ${name}: ${shown(memoryBytes)}, loaded in ${loadMs.toFixed(0)} ms, warmed up in ${warmUp.ms.toFixed(0)} ms (${warmUp.runs} runs${warmUp.settled ? '' : ', not settled'})`,
    );
  await pool.dispose();
  return Object.values(models).map(({ memoryBytes }) => memoryBytes);
}

await (await createSession(pathOf(names[0]))).dispose(); // the runtime itself, which belongs to no model
console.log('without a budget:');
const sizes = await measureAll();
const memoryBytes = Math.round(sizes.reduce((a, b) => a + b, 0) / 2);
globalThis.gc?.();
const before = privateBytes();
console.log(`with a budget of ${shown(memoryBytes)}, half of that; ${callers} callers, ${requests} requests:`);

const pool = makePool({ memoryBytes });
let peak = 0;
const samples = [];
const sampling = setInterval(() => {
  const bytes = privateBytes() - before;
  samples.push(bytes);
  peak = Math.max(peak, bytes);
}, 5);
const next = random(1);
let sent = 0;
const failures = [];
const times = [];
const startedAt = performance.now();
await Promise.all(
  Array.from({ length: callers }, async (_, caller) => {
    while (sent < requests) {
      sent++;
      const name = names[Math.floor(next() * names.length)];
      const calledAt = performance.now();
      try {
        (await pool.run(name, inputs[name], { caller: `caller ${caller}` })).dispose();
        times.push(performance.now() - calledAt);
      } catch (error) {
        failures.push(error);
      }
    }
  }),
);
const tookMs = performance.now() - startedAt;
clearInterval(sampling);
const statistics = pool.statistics();
await pool.dispose();
times.sort((a, b) => a - b);
console.log(
  `  answered ${times.length}, failed ${failures.length}, in ${(tookMs / 1000).toFixed(1)} s; median ${median(times).toFixed(0)} ms, p95 ${times[Math.floor(times.length * 0.95)].toFixed(0)} ms`,
);
console.log(`  loads ${statistics.loads}, evictions ${statistics.evictions}, failed loads ${statistics.failedLoads}`);
console.log(`  by the pool's account at most ${shown(statistics.mostMemoryBytes)}`);
console.log(
  `  what the process really took more than before, without JavaScript's heap: median ${shown(median(samples))}, at most ${shown(peak)}; ${shown(privateBytes() - before)} after the pool was disposed of`,
);
for (const error of failures.slice(0, 3)) console.log(error);
