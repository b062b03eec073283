/**
 * For onnx_checker.py: writes what each pass makes of a model, `onnx_checker.mjs MODEL FOLDER`. Prints by pass the SHA-256 of its files by their names, or the code
 * of the error where the model is refused. Imports dist/: run `npm run build:ts` first.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FoveateError } from '../../dist/errors/index.js';
import * as graph from '../../dist/graph/index.js';
import { evaluateConstants } from '../../dist/optimize/evaluate-constants.js';
import * as precision from '../../dist/precision/index.js';

const [model, folder] = process.argv.slice(2);
const preprocess = { scale: 1 / 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], layout: 'nchw' };
const normalize = (proto) => graph.normalizeModel(proto, { evaluate: evaluateConstants });

const inputsOf = ({ graph }) => graph.input.map(({ name }) => name);
const outputsOf = ({ graph }) => graph.output.map(({ name }) => name);
const madeOf = ({ graph }) => graph.node.flatMap(({ output }) => output).filter((name) => name !== '');
/** The value in the middle. */
const middleOf = (proto) => madeOf(proto)[madeOf(proto).length >> 1];

/** A form with ranges that are made up: what is checked is the graph. */
async function formOf(proto, planned, write) {
  const normalized = await normalize(proto);
  const structure = new precision.Structure(normalized);
  const plan = planned(structure, precision.nothingKept);
  const range = ({ tap }) => Promise.resolve({ min: -1 - (tap.length % 3), max: 3 });
  return write(normalized, structure, plan, await precision.numbersFor(structure, plan, precision.logitsOf(structure), range));
}

/** In half precision; every third value reaches as far as said. In opset 17, as long as it is not that which is shipped. */
async function halfOf(proto, { everyThird = 1, type = 'float16' }) {
  const normalized = await normalize(proto);
  const values = new precision.FloatValues(normalized);
  const largest = new Map(values.names.map((name, i) => [name, i % 3 === 0 ? everyThird : 1]));
  return precision.writeHalfForm(normalized, values, precision.planHalf(values, largest, type));
}

/** In eight bits, with FP16 for the rest; every third value reaches as far as said. */
async function mixedOf(proto, everyThird) {
  const normalized = await normalize(proto);
  const largest = new Map(new precision.FloatValues(normalized).names.map((name, i) => [name, i % 3 === 0 ? everyThird : 1]));
  const planned = (structure, kept) => precision.planTensorRt(structure, kept, 'float16');
  return formOf(proto, planned, (...given) => precision.writeMixedForm(...given, largest));
}

/** With weights of four bits. */
async function int4Of(proto) {
  const normalized = await normalize(proto);
  const structure = new precision.Structure(normalized);
  return precision.writeWeightOnlyForm(normalized, structure, (await precision.planInt4(structure)).int4);
}

/** By the name of what is exported. */
const passes = {
  writeModel: (proto) => proto,
  'writeModel, external data': (proto) => proto,
  cutOutputs: (proto) => graph.cutOutputs(proto, [...new Set([middleOf(proto), ...outputsOf(proto)])]),
  extractSubgraph: (proto) => graph.extractSubgraph(proto, { inputs: madeOf(proto).slice(0, 1), outputs: outputsOf(proto) }),
  renameValues: (proto) => {
    const values = [...new Set([...inputsOf(proto), middleOf(proto), ...outputsOf(proto)])];
    return graph.renameValues(proto, Object.fromEntries(values.map((name) => [name, `renamed ${name}`])));
  },
  bakeArgMax: (proto) => graph.bakeArgMax(proto, { output: outputsOf(proto)[0], axis: -1 }),
  bakeTopK: (proto) => graph.bakeTopK(proto, { output: outputsOf(proto)[0], k: 2, softmax: true }),
  freeBatch: graph.freeBatch,
  bakePreprocess: (proto) => graph.bakePreprocess(proto, preprocess),
  'bakePreprocess of freeBatch': (proto) => graph.bakePreprocess(graph.freeBatch(proto), preprocess),
  upgradeOpset: (proto) => graph.upgradeOpset(proto),
  inlineConstants: graph.inlineConstants,
  removeUnused: graph.removeUnused,
  foldConstants: (proto) => graph.foldConstants(proto, evaluateConstants),
  normalizeConv: graph.normalizeConv,
  foldBatchNorm: graph.foldBatchNorm,
  normalizeModel: normalize,
  sortTopologically: (proto) =>
    graph.changed(proto, {
      graph: graph.sortTopologically(graph.changed(proto.graph, { node: proto.graph.node.toReversed() })),
    }),
  writeOnnxRuntimeForm: (proto) => formOf(proto, precision.planOnnxRuntime, precision.writeOnnxRuntimeForm),
  writeHalfForm: (proto) => halfOf(proto, {}),
  'writeHalfForm, a third in float32': (proto) => halfOf(proto, { everyThird: 1e6 }),
  simulateHalf: async (proto) => precision.simulateHalf(await halfOf(proto, {})),
  'upgradeOpset to 22': async (proto) => graph.upgradeOpset(await normalize(proto), 22),
  'writeHalfForm, BF16': async (proto) =>
    precision.inOpset(await halfOf(proto, { type: 'bfloat16' }), precision.firstOpset.bfloat16),
  'simulateHalf, BF16': async (proto) => precision.simulateHalf(await halfOf(proto, { type: 'bfloat16' }), 'bfloat16'),
  'writeTensorRtForm, FP8': (proto) => formOf(proto, precision.planFloat8, precision.writeTensorRtForm),
  writeMixedForm: async (proto) => (await mixedOf(proto, 1)).model,
  'writeMixedForm, a third in float32': async (proto) => (await mixedOf(proto, 1e6)).model,
  'writeMixedForm, simulated': async (proto) => (await mixedOf(proto, 1)).simulated,
  writeWeightOnlyForm: int4Of,
  writeTensorRtForm: (proto) => formOf(proto, precision.planTensorRt, precision.writeTensorRtForm),
};

const written = {};
for (const [name, apply] of Object.entries(passes)) {
  const { proto } = await graph.readModel(model);
  try {
    const path = join(folder, `${name.replaceAll(/\W+/g, '-')}.onnx`);
    const externalData = name.endsWith('external data') ? 'always' : 'never';
    const { data } = await graph.writeModel(await apply(proto), path, { externalData });
    const files = [path, ...(data === undefined ? [] : [data.path])];
    written[name] = Object.fromEntries(
      files.map((file) => [basename(file), createHash('sha256').update(readFileSync(file)).digest('hex')]),
    );
  } catch (error) {
    if (!(error instanceof FoveateError)) throw error;
    written[name] = error.code;
  }
}
process.stdout.write(JSON.stringify(written));
