/**
 * The stress scripts beside this file, with small numbers. By hand they take larger ones:
 *
 *     node tests/stress/workers.mjs --rounds 20 --workers 16
 *     node tests/stress/exits.mjs --times 20
 *     node --expose-gc tests/stress/memory.mjs --cycles 1000 --runs 5000 --repeats 3
 *     node tests/stress/write-model.mjs --megabytes 3072 --limit 256
 *     node tests/stress/event-loop.mjs --repeats 7
 *     npm run soak -- --minutes 10
 *     node --expose-gc tests/stress/service-soak.mjs --minutes 10
 */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot, runProgram } from '../package/node-child.js';

const limitMs = 280_000;

/** Runs a script to its end; what it printed. */
async function runStress(name: string, args: readonly string[], nodeArgs: readonly string[] = []): Promise<string> {
  const script = join(projectRoot, 'tests/stress', name);
  const { code, signal, stdout, stderr } = await runProgram(process.execPath, [...nodeArgs, script, ...args], {
    timeoutMs: limitMs,
  });
  expect(signal, `${stdout}\n${stderr}`).toBeNull();
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

it('16 worker threads load the shipped core, work and end, three times over', async () => {
  expect(await runStress('workers.mjs', ['--rounds', '3', '--workers', '16'])).toContain('ended as they should');
}, 300_000);

it('processes end as they are told while work is under way', async () => {
  expect(await runStress('exits.mjs', ['--times', '3'])).toContain('all ended as they should');
}, 300_000);

it('opening, running and closing models does not take more and more memory', async () => {
  const printed = await runStress('memory.mjs', ['--cycles', '200', '--runs', '1000', '--repeats', '1'], ['--expose-gc']);
  expect(printed).toContain('grew by at most 8 MB each time');
}, 300_000);

it('everything at once settles as it should, and leaves nothing', async () => {
  const printed = await runStress('soak.mjs', ['--seconds', '15', '--seed', '1'], ['--expose-gc']);
  expect(printed).toContain('all calls ended as they should, and nothing was left');
}, 300_000);

it('a service answers every request as it should, whatever happens to it', async () => {
  const printed = await runStress('service-soak.mjs', ['--seconds', '15'], ['--expose-gc']);
  expect(printed).toContain('every request was answered as it should, and nothing was left');
}, 300_000);

it('a model above 1 GiB is written a piece at a time', async () => {
  expect(await runStress('write-model.mjs', ['--megabytes', '1100'])).toContain('what was written is what was there');
}, 300_000);

// How late the loop may be is told by hand, on a quiet machine: a test that takes the time would fail on a busy one.
it('the delay of the event loop can be measured', async () => {
  expect(await runStress('event-loop.mjs', ['--repeats', '1', '--detections', '30'])).toMatch(
    /median of p99: -?[\d.]+ ms with detections/,
  );
}, 300_000);
