/** What the quantiser makes of a graph by looking at it alone; the numbers that calibration would find are made up. */
import {
  foldBatchNorm,
  inlineConstants,
  normalizeConv,
  parseModel,
  encodeModel,
  removeUnused,
  upgradeOpset,
} from '../../../dist/graph/index.js';
import {
  calibrationPoints,
  logitsOf,
  nothingKept,
  outputGroups,
  firstOpset,
  FloatValues,
  inOpset,
  planFloat8,
  planHalf,
  planOnnxRuntime,
  planTensorRt,
  Structure,
  switchedModel,
  tappedModel,
  trialsOf,
  simulateHalf,
  writeHalfForm,
  writeOnnxRuntimeForm,
  writeTensorRtForm,
} from '../../../dist/precision/index.js';

const forms = {
  onnxruntime: { plan: planOnnxRuntime, write: writeOnnxRuntimeForm, by: { scale: 0.1, zeroPoint: 7, dtype: 'uint8' } },
  tensorrt: { plan: planTensorRt, write: writeTensorRtForm, by: { scale: 0.1, zeroPoint: 0, dtype: 'int8' } },
  float8: { plan: planFloat8, write: writeTensorRtForm, by: { scale: 0.1, zeroPoint: 0, dtype: 'float8e4m3fn' } },
};

/** As quantisation starts, but for the constants that an engine would compute. */
export function normalized(proto) {
  return foldBatchNorm(normalizeConv(removeUnused(inlineConstants(upgradeOpset(proto)))));
}

/** The model with all that calibration looks at as outputs. */
export function tapped(proto) {
  const model = normalized(proto);
  return tappedModel(model, namesOf(calibrationPoints(model)));
}

/** As a GPU is given it, in BF16; nothing is known of how far values reach. */
export function halved(proto) {
  const model = normalized(proto);
  const values = new FloatValues(model);
  const form = writeHalfForm(model, values, planHalf(values, new Map(), 'bfloat16'));
  parseModel(encodeModel(simulateHalf(form, 'bfloat16')));
  return inOpset(form, firstOpset.bfloat16);
}

/** @param {'onnxruntime' | 'tensorrt' | 'float8'} form */
export function quantized(proto, form) {
  const model = normalized(proto);
  const structure = new Structure(model);
  const { plan: planned, write, by } = forms[form];
  const plan = planned(structure, nothingKept);
  const numbers = numbersOf(structure, plan, by);
  const trials = trialsOf(structure, plan, numbers);
  outputGroups(structure, namesOf(model.graph.output));
  logitsOf(structure);
  parseModel(encodeModel(switchedModel(model, trials.slice(0, 4)).model));
  // With what measuring would leave float.
  const values = new Set(trials.slice(0, 2).flatMap((trial) => [...trial.values.keys()]));
  const less = planned(structure, { values });
  write(model, structure, less, numbersOf(structure, less, by));
  return write(model, structure, plan, numbers);
}

function numbersOf(structure, plan, by) {
  const weights = new Map();
  const products = [...plan.int8].filter((node) => structure.kind(node) === 'product');
  for (const node of new Set([...products, ...plan.storedInt8])) {
    const { tensor, axis } = structure.weights(node);
    const channels = tensor.dims[axis];
    if (tensor.data.length !== tensor.elementCount || channels === undefined) throw new Error('A layer has no weights');
    const [, , bias = ''] = node.inputs;
    const isInteger = plan.form === 'onnxruntime' && plan.int8.has(node) && bias !== '';
    if (isInteger && structure.floats(bias)?.length !== channels) throw new Error('A layer has another bias than channels');
    weights.set(node, {
      dtype: plan.values === 'float8e4m3fn' && plan.int8.has(node) ? 'float8e4m3fn' : 'int8',
      values: new Int8Array(tensor.elementCount),
      scales: new Float32Array(channels).fill(0.1),
      dims: tensor.dims,
      axis,
      bias: isInteger ? new Int32Array(channels) : undefined,
    });
  }
  return { values: new Map([...plan.quantized].map((value) => [value, by])), weights };
}

function namesOf(values) {
  return values.map(({ name }) => name);
}
