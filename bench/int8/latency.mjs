/** How long a run of the float model and of a quantized one takes, in turn, in one process. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { createSession, Tensor } from '../../dist/index.js';
import { median } from '../statistics.mjs';
import { sha256 } from './findings.mjs';

const alternations = 5;
/** Milliseconds that each side runs before the other's turn, and runs at least. */
const turnMs = 400;
const leastRuns = 10;
/** As a session is opened by default, and with threads that spin while they wait, as onnxruntime's own packages have it. */
const settings = [
  { threads: 1, spinning: false },
  { threads: 2, spinning: false },
  { threads: 2, spinning: true },
];

/** A real input of the model: zeros would let ReLU clip everything. */
function inputOf({ file, index }) {
  const { input, shape } = JSON.parse(readFileSync(index, 'utf8'));
  const count = shape.reduce((product, dim) => product * dim, 1);
  const bytes = readFileSync(file).subarray(0, 4 * count);
  const tensor = Tensor.allocate('float32', shape);
  tensor.data.set(new Float32Array(bytes.buffer, bytes.byteOffset, count));
  return { [input]: tensor };
}

async function turn(session, input) {
  const times = [];
  const started = performance.now();
  while (performance.now() - started < turnMs || times.length < leastRuns) {
    const result = await session.run(input);
    times.push(result.computeMs);
    result.dispose();
  }
  return median(times);
}

/** Of each setting, medians of the runs of each turn: `float` and `int8`, in ms. Kept in `kept` as long as the file is the same. */
export async function latencyOf(source, file, tensors, kept) {
  const hash = sha256(file);
  if (existsSync(kept)) {
    const known = JSON.parse(readFileSync(kept, 'utf8'));
    if (known.hash === hash) return known;
  }
  const input = inputOf(tensors);
  const told = { hash, settings: [] };
  for (const setting of settings) {
    const sides = [await createSession(source, setting), await createSession(file, setting)];
    const [float, int8] = [[], []];
    for (const side of sides) await turn(side, input); // to warm up
    for (let i = 0; i < alternations; i++) {
      float.push(await turn(sides[0], input));
      int8.push(await turn(sides[1], input));
    }
    for (const side of sides) await side.dispose();
    told.settings.push({ ...setting, float, int8 });
  }
  for (const tensor of Object.values(input)) tensor.dispose();
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(kept, JSON.stringify(told));
  return told;
}
