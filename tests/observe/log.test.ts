/** What ONNX Runtime says of a run, tied to the requests that the run was for. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DynamicBatcher } from '../../lib/batching/index.js';
import type { LogEvent } from '../../lib/events/index.js';
import { createSession, type Session } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { madeModel, node } from '../tasks/made-models.js';

let lines: LogEvent[];
const keep = (message: unknown): unknown => lines.push(message as LogEvent);
let session: Session;
beforeEach(async () => {
  lines = [];
  subscribe('foveate:log', keep);
  // Each run gives rows of three where two are declared, which the engine warns of.
  session = await createSession(madeModel({ input: ['n', 'm'], output: ['n', 2], nodes: [node('Identity', 'x', 'y')] }));
});
afterEach(async () => {
  unsubscribe('foveate:log', keep);
  await session.dispose();
});

const rows = (count: number): { readonly x: Tensor } => ({ x: new Tensor('float32', new Float32Array(3 * count), [count, 3]) });

/** The ids of the lines about the shape, when the last of them is there. */
async function idsOf(count: number): Promise<(readonly string[])[]> {
  const told = (): LogEvent[] => lines.filter(({ message }) => message.includes('does not match actual shape'));
  await vi.waitFor(() => expect(told().length).toBeGreaterThanOrEqual(count));
  return told().map(({ requestIds }) => requestIds);
}

it('names the request of a run, and none where none was given', async () => {
  (await session.run(rows(1), { requestId: 'one' })).dispose();
  (await session.run(rows(1), { requestId: 'two' })).dispose();
  (await session.run(rows(1))).dispose();
  expect(await idsOf(3)).toEqual([['one'], ['two'], []]);
});

it('names those of a batch', async () => {
  const batcher = new DynamicBatcher(session, { maxBatch: 3, preferredSizes: [3], maxDelayMs: 10_000 });
  const calls = [{ requestId: 'one' }, {}, { requestId: 'two' }].map((options) => batcher.run(rows(1), options));
  const results = await Promise.all(calls);
  expect(results.map(({ batch }) => batch.size)).toEqual([3, 3, 3]);
  expect(await idsOf(1)).toEqual([['one', 'two']]);
  for (const result of results) result.dispose();
  await batcher.dispose();
});
