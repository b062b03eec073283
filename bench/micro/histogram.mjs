/**
 * Counting activations: what `session.observe` adds to a run, for each value, on one thread; beside `numpy.histogram` over the same values, into
 * as many bins of a range that it is told. Alternating in one run. Ours finds the range itself, and per-channel sums where it is asked to.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { createSession, Tensor } from '../../dist/index.js';
import { TensorObserver } from '../../dist/precision/index.js';
import { median, Peer } from '../statistics.mjs';

const rounds = 15;
const values = 3 * 1024 * 1024;
const script = join(import.meta.dirname, 'histogram_numpy.py');
const peer = new Peer(spawn(process.env.FOVEATE_PYTHON ?? 'python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] }));
const { numpy } = await peer.ask('version');
const identity = join(import.meta.dirname, '../../tests/native/fixtures/identity_float32.onnx');
const session = await createSession(identity, { threads: 1 });

/** Reproducible, roughly normal. */
function bell() {
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5;
  return Float32Array.from({ length: values }, () => next() + next() + next() + next());
}

console.log(`${values} values into a histogram, one thread, median of ${rounds} alternating rounds`);
for (const [name, of] of [
  ['bell', (x) => x],
  ['rectified', (x) => Math.max(x, 0)],
]) {
  const x = new Tensor('float32', bell().map(of), [values / 3, 3]);
  const kinds = [
    ['foveate', {}],
    ['foveate, with channels', { channelAxis: 1 }],
  ];
  const times = { numpy: [], ...Object.fromEntries(kinds.map(([kind]) => [kind, []])) };
  for (let round = -1; round < rounds; round++) {
    for (const [kind, options] of kinds) {
      const observer = new TensorObserver([{ name: 'y', ...options }]);
      const { observeMs } = await session.observe({ x }, observer, { picture: 0 });
      observer.dispose();
      if (round >= 0) times[kind].push((observeMs * 1e6) / values);
    }
    const { ms } = await peer.ask(`count ${values} ${name}`);
    if (round >= 0) times.numpy.push((ms * 1e6) / values);
  }
  for (const [kind, all] of Object.entries(times)) {
    const label = kind === 'numpy' ? `numpy.histogram ${numpy}` : kind;
    console.log(`  ${name}: ${label} ${median(all).toFixed(2)} ns a value (least ${Math.min(...all).toFixed(2)})`);
  }
}
peer.end();
await session.dispose();
