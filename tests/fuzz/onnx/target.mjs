/**
 * What is fuzzed: the ONNX reader, all that `foveate inspect` tells of a model without opening it, the writer, and the passes. Either all of it can be
 * told and made, or there is an error of the kind that is promised. Imports dist/: run `npm run build:ts` first.
 */
import { inspectionLines } from '../../../dist/cli/inspect-report.js';
import { describe } from '../../../dist/cli/inspect.js';
import { FoveateError } from '../../../dist/errors/index.js';
import { parseModel } from '../../../dist/graph/index.js';
import { declaredLabelCount } from '../../../dist/labels/index.js';
import { producerOf } from '../../../dist/tasks/activation.js';
import { recognizeModel } from '../../../dist/tasks/recognize-task.js';
import { checkFiles } from './files.mjs';
import { checkRewriting } from './rewriting.mjs';

/** Resolves to what was told, as text, or to the code of the error. Rejects where a promise is broken. */
export async function inspect(bytes) {
  const read = expected(() => parseModel(bytes), /^MODEL_INVALID$/);
  if (read.error !== undefined) return read.error.code;
  const model = read.value;
  checkRewriting(model, expected);
  await checkFiles(bytes, promised);
  const seen = expected(() => lookAt(model.graph), /^MODEL_INVALID$/);
  const described = expected(() => describe('model.onnx', bytes.length, model), /^MODEL_INVALID$/);
  if (described.error !== undefined) return described.error.code;
  const task = expected(() => recognizeModel(model, false), /^MODEL_(AMBIGUOUS|UNSUPPORTED)$/);
  for (const { name } of model.outputs) producerOf(model, name);
  await declaredLabelCount(undefined, model.metadata).catch((error) => promised(error, /^LABELS_INVALID$/));
  const recognized = { task: task.value ?? null, error: task.error?.toJSON() ?? {} };
  const text = inspectionLines({ ...described.value, recognized }, undefined).join('\n');
  checkNumbers(described.value);
  return seen.error?.code ?? text;
}

function expected(work, codes) {
  try {
    return { value: work() };
  } catch (error) {
    return { error: promised(error, codes) };
  }
}

function promised(error, codes) {
  if (error instanceof FoveateError && codes.test(error.code) && error.message !== '' && error.hint !== undefined) return error;
  throw new Error(`Expected an error ${codes} with a hint but received ${error?.code ?? error?.name}`, { cause: error });
}

/** All that is made on demand. */
function lookAt(graph) {
  for (const tensor of graph.initializers.values()) lookAtTensor(tensor);
  for (const { attributes } of graph.nodes) {
    for (const value of [...attributes.values()].flat()) {
      if (value?.nodes !== undefined) lookAt(value);
      else if (value?.dims !== undefined && value.elementCount !== undefined) lookAtTensor(value);
    }
  }
}

function lookAtTensor(tensor) {
  const { elementCount, data, strings } = tensor;
  const perElement = { complex64: 2, complex128: 2 }[tensor.dtype] ?? 1;
  const packed = /^(u?int[24]|float4)/.test(tensor.dtype);
  if (data !== undefined && !packed && data.length !== elementCount * perElement)
    throw new Error('A tensor has other data than its shape');
  if (strings !== undefined && strings.length !== elementCount) throw new Error('A tensor has other strings than its shape');
}

function checkNumbers({ parameters, operators, macs }) {
  const counts = [parameters.count, ...operators.map(({ count }) => count), macs.known, macs.total ?? 0];
  if (!counts.every((count) => count >= 0)) throw new Error(`A count is no number: ${counts.join(', ')}`);
  if (macs.knownNodes > macs.nodes) throw new Error('More nodes are known than there are');
}
