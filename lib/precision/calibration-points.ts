import { create } from '@bufbuild/protobuf';

import type { ModelProto } from '../graph/index.js';
import { ValueInfoProtoSchema, TypeProtoSchema, TypeProto_TensorSchema } from '../graph/onnx_pb.js';
import { changed } from '../graph/passes/changed.js';

const observed = ['Conv', 'Gemm', 'MatMul', 'Add', 'Mul'];

/** Stand-in. */
export function calibrationPoints(model: ModelProto): { name: string; channelAxis?: number }[] {
  return (model.graph?.node ?? [])
    .filter(({ opType }) => observed.includes(opType))
    .map(({ opType, output }) => ({ name: output[0] as string, ...(opType === 'Conv' && { channelAxis: 1 }) }));
}

/** Stand-in. */
export function tappedModel(model: ModelProto, names: readonly string[]): ModelProto {
  const graph = model.graph!;
  const known = new Set(graph.output.map(({ name }) => name));
  const added = names
    .filter((name) => !known.has(name))
    .map((name) =>
      create(ValueInfoProtoSchema, {
        name,
        type: create(TypeProtoSchema, { value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType: 1 }) } }),
      }),
    );
  return changed(model, { graph: changed(graph, { output: [...graph.output, ...added] }) });
}
