import { ModelError } from '../../errors/index.js';
import type { GraphProto, ModelProto, ValueInfoProto } from '../onnx_pb.js';
import type { ValueInfo } from '../value-info.js';
import { isPlain } from './batch-axis.js';
import { BatchFlow } from './batch-flow.js';
import { changed } from './changed.js';
import { withoutUnread } from './remove-unused.js';
import { soundModel } from './sound-model.js';

/**
 * The same model for any number of pictures at once, where it is fixed to 1, or to another number: axis 0 of its inputs becomes the symbol `batch`.
 * What holds the batch fixed inside, such as the shapes of Reshape, is changed along; what it makes of a picture does not depend on the others.
 *
 * Batched are all inputs with two axes or more. `model` is left as it is and shares its weights with the result; a model whose batch is free already is
 * returned itself.
 *
 * Throws MODEL_UNSUPPORTED, with the node and the reason, where the batch cannot be freed without a doubt, and below opset 7; MODEL_INVALID for a damaged graph.
 */
export function freeBatch(model: ModelProto): ModelProto {
  const { graph, model: read, opset } = soundModel(model);
  const batch = batchOf(read.inputs);
  if (batch === undefined) return model;
  const flow = new BatchFlow(read.graph, opset, batch.count, batch.inputs);
  for (const node of graph.node) flow.add(node);
  const symbol = freshSymbol(graph);
  return changed(model, {
    graph: changed(graph, {
      ...withoutUnread(changed(graph, { node: flow.nodes })),
      input: graph.input.map((input) => (batch.inputs.includes(input.name) ? withBatch(input, symbol) : input)),
      output: graph.output.map((output) => freedOutput(output, flow, symbol)),
      // What is declared of values with pictures in them is no longer so.
      valueInfo: graph.valueInfo.filter(({ name }) => !flow.hasPictures(name)),
    }),
  });
}

/** The batch that the inputs are fixed to, and the names of those that have it; undefined where it is free. */
function batchOf(inputs: readonly ValueInfo[]): { readonly count: number; readonly inputs: readonly string[] } | undefined {
  const unclear = inputs.find(({ kind, shape }) => kind !== 'tensor' || shape === null);
  if (unclear !== undefined) throw unsupported(`its input ${JSON.stringify(unclear.name)} is no tensor with so many axes`);
  const batched = inputs.filter(({ shape }) => shape !== null && shape.length > 1);
  const counts = new Set(batched.map(({ shape }) => (typeof shape?.[0] === 'number' ? shape[0] : 'free')));
  const [count] = counts;
  if (count === undefined) throw unsupported('none of its inputs has an axis for it');
  if (counts.size > 1) {
    const sizes = batched.map(({ name, shape }) => `${JSON.stringify(name)} ${shape?.[0] ?? 'free'}`);
    throw unsupported(`its inputs differ in the size of axis 0: ${sizes.join(', ')}`);
  }
  if (count === 'free') return undefined;
  if (count < 1) throw unsupported('its inputs have no elements');
  return { count, inputs: batched.map(({ name }) => name) };
}

function freedOutput(output: ValueInfoProto, flow: BatchFlow, symbol: string): ValueInfoProto {
  const { batch, tellsBatch } = flow.value(output.name);
  if (batch === undefined && !tellsBatch) return output;
  const name = JSON.stringify(output.name);
  if (batch === undefined) throw unsupported(`its output ${name} tells the size of the batch`);
  if (batch.axis !== 0) throw unsupported(`in its output ${name} the pictures lie on axis ${batch.axis}`);
  if (!isPlain(batch)) throw unsupported(`its output ${name} has no axis for the pictures of a batch`);
  return withBatch(output, symbol);
}

/** A value whose first axis has a symbol for its size. */
function withBatch(value: ValueInfoProto, symbol: string): ValueInfoProto {
  const { type } = value;
  if (type?.value.case !== 'tensorType') return value;
  const { shape } = type.value.value;
  const [first, ...others] = shape?.dim ?? [];
  if (shape === undefined || first === undefined) return value;
  const dim = [changed(first, { value: { case: 'dimParam', value: symbol } }), ...others];
  const tensor = changed(type.value.value, { shape: changed(shape, { dim }) });
  return changed(value, { type: changed(type, { value: { case: 'tensorType', value: tensor } }) });
}

/** `batch`, unless an axis of that name is there, whose size is another one. */
function freshSymbol({ input, output, valueInfo }: GraphProto): string {
  const taken = new Set(
    [...input, ...output, ...valueInfo].flatMap(({ type }) => {
      const dims = type?.value.case === 'tensorType' ? (type.value.value.shape?.dim ?? []) : [];
      return dims.map(({ value }) => value.value);
    }),
  );
  let symbol = 'batch';
  for (let count = 2; taken.has(symbol); count++) symbol = `batch_${count}`;
  return symbol;
}

function unsupported(
  reason: string,
  hint = 'Export the model with a free batch axis (`dynamic_axes` of torch.onnx.export).',
): ModelError {
  return new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected a model whose batch can be freed but ${reason}`,
    hint,
    details: { reason },
  });
}
