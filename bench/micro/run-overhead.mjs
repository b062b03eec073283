/**
 * What `session.run` costs over the bare library: a C++ program calls ONNX Runtime's Run back to back on the same model, input and thread
 * count; both alternate in one run. Inputs and outputs lie in native memory on both sides.
 *
 *     node bench/micro/run-overhead.mjs [MODEL]
 */
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';

import { createSession, Tensor } from '../../dist/index.js';
import { median, Peer } from '../statistics.mjs';
import { buildBareRun } from './build-bare-run.mjs';

const rounds = 25;
const runsPerRound = 200;
const root = join(import.meta.dirname, '../..');
/** One that computes next to nothing, so that what is left is the way there and back; and one of a size that is used. */
const models = process.argv[2]
  ? [resolve(process.argv[2])]
  : ['tests/native/fixtures/identity_float32.onnx', 'examples/models/shapes-classifier.onnx'].map((name) => join(root, name));

async function compare(model) {
  const session = await createSession(model, { threads: 1 });
  const [info] = session.inputs;
  const input = Tensor.allocate(
    info.dtype,
    info.shape.map((dim) => (typeof dim === 'number' ? dim : 1)),
  );
  input.data.fill(0);

  const outside = [];
  async function ours() {
    const times = [];
    for (let i = 0; i < runsPerRound; i++) {
      const started = performance.now();
      const result = await session.run({ [info.name]: input });
      const total = (performance.now() - started) * 1000;
      times.push(total);
      outside.push(total - result.computeMs * 1000);
      result.dispose();
    }
    return median(times);
  }

  const program = await buildBareRun();
  const args = [session.runtime.path, model, String(runsPerRound), ...input.dims.map(String)];
  const peer = new Peer(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] }));

  await ours();
  await peer.ask('run');
  const pairs = [];
  for (let round = 0; round < rounds; round++) pairs.push({ mine: await ours(), theirs: (await peer.ask('run')).us });
  peer.end();
  await session.dispose();

  const overhead = median(pairs.map(({ mine, theirs }) => mine - theirs));
  console.log(
    `session.run on ${model.slice(root.length + 1)}, 1 thread, median of ${rounds} alternating rounds of ${runsPerRound}`,
  );
  console.log(`  foveate         ${median(pairs.map((pair) => pair.mine)).toFixed(1)} us`);
  console.log(`  bare library    ${median(pairs.map((pair) => pair.theirs)).toFixed(1)} us`);
  console.log(`  difference, median of pairs ${overhead.toFixed(1)} us`);
  console.log(`  of foveate's time outside the engine ${median(outside).toFixed(1)} us`);
}

for (const model of models) await compare(model);
