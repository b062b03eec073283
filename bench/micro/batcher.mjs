/**
 * What a request costs in a `DynamicBatcher`, from the call to the answer, over something that does nothing: 64 callers, each of which sends its next request when it
 * has the last result. The same callers without a batcher, calling the same thing one by one, are beside it. `--observed`: with somebody who listens to all events.
 */
import { subscribe } from 'node:diagnostics_channel';

import { DynamicBatcher } from '../../dist/index.js';
import { median } from '../statistics.mjs';

const callers = 64;
const requestsPerCaller = 500;
const rounds = 15;

const nothing = {
  lanes: 1,
  mostSamples: Infinity,
  samples: () => 1,
  group: () => '',
  slice: (item) => item,
  join: ([result]) => result,
  open: () => undefined,
  prepare: () => undefined,
  run: async () => ({ output: undefined, queueMs: 0, computeMs: 0 }),
  finish: () => ({}),
  discard: () => undefined,
  close: () => undefined,
};

/** Microseconds of the processor per request, which other processes do not add to. */
async function measure(send) {
  const started = process.cpuUsage();
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let i = 0; i < requestsPerCaller; i++) await send(`caller ${caller}`);
    }),
  );
  const { user, system } = process.cpuUsage(started);
  return (user + system) / (callers * requestsPerCaller);
}

const kinds = {
  'batches of at most 32, measured': [{}, () => ({})],
  'batches of 32': [{ preferredSizes: [32] }, () => ({})],
  'batches of 32, callers named': [{ preferredSizes: [32] }, (caller) => ({ caller })],
  'batches of 32, callers named, deadlines': [{ preferredSizes: [32] }, (caller) => ({ caller, deadlineMs: 60_000 })],
  'batches of 1': [{ maxBatch: 1 }, () => ({})],
};
if (process.argv.includes('--observed'))
  for (const name of ['foveate:batch.run', 'foveate:batch.request']) subscribe(name, () => undefined);
console.log(`${callers} callers, ${requestsPerCaller} requests each, median of ${rounds} alternating rounds`);
const batchers = Object.entries(kinds).map(([name, [options, request]]) => {
  const batcher = new DynamicBatcher(nothing, options);
  return { name, batcher, send: (caller) => batcher.run(undefined, request(caller)), times: [] };
});
const bare = [];
for (let round = 0; round <= rounds; round++) {
  for (const { send, times } of batchers) {
    const time = await measure(send);
    if (round > 0) times.push(time);
  }
  const time = await measure(() => nothing.run());
  if (round > 0) bare.push(time);
}
for (const { name, times, batcher } of batchers) {
  const { reasons } = batcher.statistics();
  const why = Object.entries(reasons)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ');
  console.log(`  ${name}: ${median(times).toFixed(2)} us per request (${why})`);
  await batcher.dispose();
}
console.log(`  no batcher: ${median(bare).toFixed(2)} us`);
