import { create } from '@bufbuild/protobuf';
import type { ModelProto } from '../../graph/index.js';
import {
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ValueInfoProto,
} from '../../graph/onnx_pb.js';
import { changed } from '../../graph/passes/changed.js';
import { readBy } from '../../graph/passes/names.js';

/**
 * A model whose outputs are these values, with the nodes that they need and no others. What type they have the engine finds out. With `sizes`, the inputs
 * are fixed to these, so that the engine can tell the sizes of the values as well.
 */
export function tappedGraph(
  model: ModelProto,
  values: readonly string[],
  sizes?: ReadonlyMap<string, readonly number[]>,
): ModelProto {
  const graph = model.graph as GraphProto;
  const needed = new Set(values);
  const node = graph.node
    .toReversed()
    .filter((one) => {
      if (!one.output.some((name) => needed.has(name))) return false;
      for (const name of readBy(one)) needed.add(name);
      return true;
    })
    .toReversed();
  const output = values.map(
    (name) => graph.output.find((known) => known.name === name) ?? create(ValueInfoProtoSchema, { name }),
  );
  // Weights may be listed as inputs too: those that are gone are none any more.
  const constants = new Set(graph.initializer.map(({ name }) => name));
  const input = graph.input
    .filter(({ name }) => needed.has(name) || !constants.has(name))
    .map((info) => fixed(info, sizes?.get(info.name)));
  // Declared sizes may be those of another batch.
  const valueInfo = sizes === undefined ? graph.valueInfo : [];
  const initializer = graph.initializer.filter(({ name }) => needed.has(name));
  const sparseInitializer = graph.sparseInitializer.filter(({ values: tensor }) => needed.has(tensor?.name ?? ''));
  const tapped = changed(graph, {
    node,
    output: sizes === undefined ? output : output.map(({ name }) => create(ValueInfoProtoSchema, { name })),
    input,
    valueInfo,
    initializer,
    sparseInitializer,
  });
  return changed(model, { graph: tapped });
}

function fixed(info: ValueInfoProto, sizes: readonly number[] | undefined): ValueInfoProto {
  const type = info.type?.value;
  if (sizes === undefined || type?.case !== 'tensorType') return info;
  const dim = sizes.map((size) => create(TensorShapeProto_DimensionSchema, { value: { case: 'dimValue', value: BigInt(size) } }));
  const shape = create(TensorShapeProtoSchema, { dim });
  const value = { ...type, value: changed(type.value, { shape }) };
  return changed(info, { type: changed(info.type as NonNullable<typeof info.type>, { value }) });
}
