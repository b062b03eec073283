/** For forms.py: writes both INT8 forms of a model and that in FP8, with nothing left float by measurement, and prints what was planned. `node forms.mjs MODEL FOLDER` */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { encodeModel, normalizeModel, readModel } from '../../../dist/graph/index.js';
import { evaluateConstants } from '../../../dist/optimize/evaluate-constants.js';
import {
  calibrationPoints,
  findRange,
  logitsOf,
  nothingKept,
  numbersFor,
  planFloat8,
  planOnnxRuntime,
  planTensorRt,
  Structure,
  tappedModel,
  TensorObserver,
  writeOnnxRuntimeForm,
  writeTensorRtForm,
} from '../../../dist/precision/index.js';
import { createSession } from '../../../dist/session/index.js';
import { Tensor } from '../../../dist/tensor/index.js';

const [file, folder] = process.argv.slice(2);
const { proto } = await readModel(file);
const model = await normalizeModel(proto, { evaluate: evaluateConstants });
const structure = new Structure(model);
const statistics = await statisticsOfNoise();

const planned = {};
for (const [form, planOf, write] of [
  ['onnxruntime', planOnnxRuntime, writeOnnxRuntimeForm],
  ['tensorrt', planTensorRt, writeTensorRtForm],
  ['float8', planFloat8, writeTensorRtForm],
]) {
  const plan = planOf(structure, nothingKept);
  const numbers = await numbersFor(structure, plan, logitsOf(structure), ({ tap, ...question }) =>
    findRange(statistics.get(tap), { ...question, method: 'mse' }),
  );
  writeFileSync(path.join(folder, `${form}.onnx`), encodeModel(write(model, structure, plan, numbers)));
  planned[form] = operators([...plan.int8]);
}
process.stdout.write(JSON.stringify(planned));

/** What was planned does not depend on the numbers: two inputs of noise give some. */
async function statisticsOfNoise() {
  const points = calibrationPoints(model);
  const observer = new TensorObserver(points.map(({ name }) => ({ name })));
  const tapped = encodeModel(
    tappedModel(
      model,
      points.map(({ name }) => name),
    ),
  );
  const session = await createSession(tapped, { device: 'cpu' });
  const [{ name, shape }] = session.inputs;
  const dims = shape.map((size) => (typeof size === 'number' ? size : 1));
  let state = 1;
  for (const picture of [0, 1]) {
    const values = Float32Array.from({ length: dims.reduce((product, size) => product * size, 1) }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    });
    await session.observe({ [name]: new Tensor('float32', values, dims) }, observer, { picture });
  }
  await session.dispose();
  return new Map((await observer.statistics()).map((one) => [one.name, one]));
}

function operators(nodes) {
  const counts = {};
  for (const { opType } of nodes) counts[opType] = (counts[opType] ?? 0) + 1;
  return Object.fromEntries(Object.entries(counts).sort());
}
