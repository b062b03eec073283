import { ModelError } from '../../errors/index.js';
import type { GraphProto, ModelProto } from '../onnx_pb.js';
import { OnnxModel } from '../onnx-model.js';

const oldestOpset = 7;

/** A model that a pass can change. */
export interface SoundModel {
  readonly graph: GraphProto;
  /** The same, to look at. */
  readonly model: OnnxModel;
  readonly opset: number;
}

/** Throws MODEL_INVALID for a damaged model, MODEL_UNSUPPORTED below opset 7. */
export function soundModel(proto: ModelProto): SoundModel {
  const { graph } = proto;
  if (graph === undefined) throw invalid('it has no graph');
  const model = new OnnxModel(proto, graph, undefined);
  const names = graph.input.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw invalid(`two of its inputs have the name ${JSON.stringify(twice)}`);
  checkMadeOnce(graph, names);
  const { opset } = model;
  if (opset === undefined || opset < oldestOpset) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected a model of opset ${oldestOpset} or newer but it has opset ${opset ?? 'none'}`,
      hint: 'Export the model again, with a newer opset.',
    });
  }
  return { graph, model, opset };
}

function checkMadeOnce({ node, initializer, sparseInitializer }: GraphProto, inputs: readonly string[]): void {
  const made = new Set([
    ...inputs,
    ...initializer.map(({ name }) => name),
    ...sparseInitializer.map(({ values }) => values?.name),
  ]);
  for (const name of node.flatMap(({ output }) => output)) {
    if (name === '') continue;
    if (made.has(name)) throw invalid(`the value ${JSON.stringify(name)} is made twice`);
    made.add(name);
  }
}

/** A graph that no engine would run. */
export function invalid(reason: string): ModelError {
  return new ModelError('MODEL_INVALID', { message: `Expected a sound model but ${reason}`, hint: 'Export the model again.' });
}
