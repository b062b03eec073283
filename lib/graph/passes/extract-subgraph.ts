import { ArgumentError, checkOptions, invalidArgument } from '../../errors/index.js';
import type { ModelProto } from '../onnx_pb.js';
import { changed } from './changed.js';
import { checkNames, noSuchValue, partOfGraph } from './part-of-graph.js';
import { soundModel } from './sound-model.js';
import { ValueTypes } from './value-types.js';

/** Names of values: what is given to the part, and what it gives. */
export interface SubgraphEnds {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/**
 * The part of a model between some of its values, as a model of its own. `inputs` are all that it takes, in that order: any values that nodes make, inputs
 * of the model, and initializers, which are none then.
 *
 * Throws TENSOR_NAME where there is no such value, where an output needs an input of the model that is not among `inputs`, which are named, and where an
 * input leads to no output; MODEL_UNSUPPORTED where a type cannot be told and below opset 7, MODEL_INVALID for a damaged model, INVALID_ARGUMENT, UNKNOWN_OPTION.
 */
export function extractSubgraph(model: ModelProto, ends: SubgraphEnds): ModelProto {
  if (ends === undefined) throw invalidArgument('extractSubgraph options', 'an object of options', ends);
  checkOptions('extractSubgraph options', ends, ['inputs', 'outputs']);
  const inputs = checkNames('inputs', ends.inputs);
  const outputs = checkNames('outputs', ends.outputs);
  const { graph, model: read } = soundModel(model);
  const types = new ValueTypes(graph);
  const known = new Set(types.names);
  const unknown = [...inputs, ...outputs].find((name) => !known.has(name));
  if (unknown !== undefined) throw noSuchValue(unknown, [...known]);

  const part = partOfGraph(graph, outputs, inputs);
  const missing = read.inputs.map(({ name }) => name).filter((name) => part.read.has(name) && !inputs.includes(name));
  if (missing.length > 0) {
    throw wrongEnds(
      `also needs ${list(missing)}`,
      `Add ${missing.length === 1 ? 'it' : 'them'} to the inputs, or values that come after.`,
    );
  }
  const idle = inputs.filter((name) => !part.read.has(name));
  if (idle.length > 0)
    throw wrongEnds(`does not read ${list(idle)}`, 'Leave out of the inputs what comes after the others, or leads elsewhere.');
  // Initializers that are listed as inputs too, as all are in old files.
  const constants = graph.input.filter(({ name }) => part.read.has(name) && !inputs.includes(name));
  return changed(model, {
    graph: changed(part.graph, {
      input: [...inputs.map((name) => types.valueOf(name)), ...constants],
      output: outputs.map((name) => types.valueOf(name)),
      valueInfo: part.graph.valueInfo.filter(({ name }) => !inputs.includes(name) && !outputs.includes(name)),
    }),
    trainingInfo: [],
  });
}

function wrongEnds(reason: string, hint: string): ArgumentError {
  return new ArgumentError('TENSOR_NAME', { message: `Expected a part of the model between its ends but it ${reason}`, hint });
}

function list(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}
