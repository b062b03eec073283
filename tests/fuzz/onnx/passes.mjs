/** The passes that are fuzzed: a new one is a line here. */
import {
  bakeArgMax,
  bakePreprocess,
  bakeTopK,
  cutOutputs,
  encodeModel,
  extractSubgraph,
  foldBatchNorm,
  freeBatch,
  inlineConstants,
  normalizeConv,
  removeUnused,
  renameValues,
  sortTopologically,
  upgradeOpset,
} from '../../../dist/graph/index.js';
import { halved, normalized, quantized, tapped } from './forms.mjs';

const preprocess = { scale: 1 / 255, mean: [0.5, 0, 0.25], std: [0.5, 1, 2] };

const valuesOf = ({ node }) => node.flatMap(({ output }) => output).filter((name) => name !== '');
const firstOf = (names) => [...new Set(names)].slice(0, 3);
const inputsOf = ({ input }) => input.map(({ name }) => name).filter((name) => name !== '');
const outputsOf = ({ output }) => output.map(({ name }) => name).filter((name) => name !== '');
const withGraph = (proto, graph) => Object.assign(Object.create(Object.getPrototypeOf(proto)), proto, { graph });

/**
 * Each makes a model of one; a function that calls a pass with nothing to do its work on, such as no names, gives undefined.
 *
 * @type {readonly (readonly [string, (proto: import('../../../dist/graph/index.js').ModelProto) => unknown])[]}
 */
export const passes = [
  ['freeBatch', freeBatch],
  ['bakePreprocess nchw', (proto) => bakePreprocess(proto, { ...preprocess, layout: 'nchw' })],
  ['bakePreprocess nhwc', (proto) => bakePreprocess(proto, { ...preprocess, layout: 'nhwc' })],
  ['bakeArgMax', (proto) => bakeArgMax(proto, { output: outputsOf(proto.graph)[0] })],
  [
    'bakeArgMax of the last axis',
    (proto) => bakeArgMax(proto, { output: outputsOf(proto.graph)[0], axis: -1, dtype: 'int64', keepDims: true }),
  ],
  ['bakeTopK', (proto) => bakeTopK(proto, { output: outputsOf(proto.graph)[0], k: 1, softmax: true })],
  ['cutOutputs', (proto) => some(valuesOf(proto.graph), (names) => cutOutputs(proto, names))],
  ['cutOutputs at the end', (proto) => some(valuesOf(proto.graph).toReversed(), (names) => cutOutputs(proto, names))],
  [
    'extractSubgraph',
    (proto) =>
      some(inputsOf(proto.graph), (inputs) =>
        some(valuesOf(proto.graph), (outputs) => extractSubgraph(proto, { inputs, outputs })),
      ),
  ],
  [
    'extractSubgraph after the first value',
    (proto) =>
      some(valuesOf(proto.graph).slice(0, 1), (inputs) =>
        some(outputsOf(proto.graph), (outputs) => extractSubgraph(proto, { inputs, outputs })),
      ),
  ],
  ['renameValues', thereAndBack],
  ['upgradeOpset', upgradeOpset],
  ['upgradeOpset to the newest', (proto) => upgradeOpset(proto, 22)],
  ['inlineConstants', inlineConstants],
  ['removeUnused', removeUnused],
  ['normalizeConv', normalizeConv],
  ['foldBatchNorm', foldBatchNorm],
  ['normalizeModel but for what is evaluated', normalized],
  ['tappedModel', tapped],
  ['writeOnnxRuntimeForm', (proto) => quantized(proto, 'onnxruntime')],
  ['writeTensorRtForm', (proto) => quantized(proto, 'tensorrt')],
  ['writeTensorRtForm in FP8', (proto) => quantized(proto, 'float8')],
  ['writeHalfForm in BF16', halved],
  ['sortTopologically', (proto) => withGraph(proto, sortTopologically(proto.graph))],
];

function some(names, use) {
  return names.length === 0 ? undefined : use(firstOf(names));
}

function thereAndBack(proto) {
  const names = firstOf([...inputsOf(proto.graph), ...outputsOf(proto.graph), ...valuesOf(proto.graph)]);
  const there = Object.fromEntries(names.map((name, index) => [name, `a name that nothing has ${index}`]));
  const renamed = renameValues(proto, there);
  const back = renameValues(renamed, Object.fromEntries(Object.entries(there).map(([name, other]) => [other, name])));
  if (Buffer.compare(encodeModel(back), encodeModel(proto)) !== 0) throw new Error('Names that were changed back are others');
  return renamed;
}
