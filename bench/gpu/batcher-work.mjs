/** Callers of a batcher on an engine, each of which sends its next request when it has its answer. Its argument is JSON, and so is what it prints. */
import { setTimeout as delay } from 'node:timers/promises';
import { createSession, DynamicBatcher, Tensor } from '../../dist/index.js';
import { runsOnStandins, standinCounts } from '../../tests/standin/standins.mjs';
import { quantile } from './measure.mjs';

const { engine, lanes, callers, seconds, maxBatch } = JSON.parse(process.argv[2]);
const session = await createSession(engine, { lanes });
if (!runsOnStandins()) throw new Error('Only the stand-in tells how busy it is');
const batcher = new DynamicBatcher(session, { maxBatch });
const [{ name, shape }] = session.inputs;
const dims = [1, ...shape.slice(1)];
const input = new Tensor('float32', new Float32Array(dims.reduce((a, b) => a * b)), dims);

let isOver = false;
let latencies = [];
const calls = Array.from({ length: callers }, async () => {
  while (!isOver) {
    const begun = performance.now();
    (await batcher.run({ [name]: input })).dispose();
    latencies.push(performance.now() - begun);
  }
});
await delay(2000); // sizes are found out meanwhile
latencies = [];
const before = { ...(await standinCounts()), ...batcher.statistics() };
await delay(1000 * seconds);
const after = { ...(await standinCounts()), ...batcher.statistics() };
const counted = latencies;
isOver = true;
await Promise.all(calls);
await batcher.dispose();
await session.dispose();

const difference = (name) =>
  Object.fromEntries(
    Object.entries(after[name]).flatMap(([key, count]) => {
      const more = count - (before[name][key] ?? 0);
      return more > 0 ? [[key, more]] : [];
    }),
  );
const past = (name) => after[name] - before[name];
console.log(
  JSON.stringify({
    busyShare: past('busy-ns') / past('now-ns'),
    perSecond: past('succeeded') / (past('now-ns') / 1e9),
    batches: past('batches'),
    samples: past('succeeded'),
    reasons: difference('reasons'),
    sizes: difference('sizes'),
    p50: quantile(counted, 0.5),
    p99: quantile(counted, 0.99),
  }),
);
