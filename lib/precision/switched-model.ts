import { create } from '@bufbuild/protobuf';
import {
  AttributeProtoSchema,
  AttributeType,
  changed,
  DataType,
  GraphProtoSchema,
  madeNode,
  TensorProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
} from '../graph/index.js';
import { firstOpset, inOpset } from './in-opset.js';
import type { Int4Weights } from './int4-weights.js';
import { QdqWriter, type Quantization } from './qdq-writer.js';
import type { Trial } from './trials.js';

export interface SwitchedModel {
  readonly model: ModelProto;
  /** Name of a bool input with an element for each trial: whether it is made. */
  readonly selector: string;
}

/**
 * The same model with switches: in each run, the values and weights of some trials are quantised and dequantised, all others are left as they are. One session so measures
 * many. A branch of an If that is not taken costs a copy of the value.
 */
export function switchedModel(model: ModelProto, trials: readonly Pick<Trial, 'values'>[]): SwitchedModel {
  const graph = model.graph as GraphProto;
  const writer = new QdqWriter(graph);
  const selector = writer.fresh('foveate/trials');
  const trialsOf = new Map<string, { readonly index: number; readonly by: Quantization | Int4Weights }[]>();
  trials.forEach(({ values }, index) => {
    for (const [value, by] of values) trialsOf.set(value, [...(trialsOf.get(value) ?? []), { index, by }]);
  });
  const isTrial = trials.map((_, index) => {
    const [number, is] = [writer.fresh(`foveate/trial/${index}/number`), writer.fresh(`foveate/trial/${index}`)];
    const value = create(TensorProtoSchema, { dataType: DataType.INT64, rawData: bytesOf(BigInt64Array.of(BigInt(index))) });
    writer.nodes.push(madeNode('Constant', [], number, { value }), madeNode('Gather', [selector, number], is));
    return is;
  });
  const replaced = new Map<string, string>();
  const replace = (value: string): void => {
    let current = value;
    for (const { index, by } of trialsOf.get(value) ?? []) {
      const output = writer.fresh(`${value}/trial/${index}`);
      writer.nodes.push(choice(isTrial[index] as string, current, output, by, writer));
      current = output;
    }
    if (current !== value) replaced.set(value, current);
  };
  for (const { name } of [...graph.input, ...graph.initializer]) replace(name);
  for (const node of graph.node) {
    writer.nodes.push(changed(node, { input: node.input.map((name) => replaced.get(name) ?? name) }));
    node.output.forEach(replace);
  }
  const type = create(TypeProtoSchema, {
    value: {
      case: 'tensorType',
      value: create(TypeProto_TensorSchema, {
        elemType: DataType.BOOL,
        shape: { dim: [{ value: { case: 'dimValue', value: BigInt(trials.length) } }] },
      }),
    },
  });
  const switched = changed(model, {
    graph: changed(graph, {
      node: writer.nodes,
      input: [...graph.input, create(ValueInfoProtoSchema, { name: selector, type })],
      initializer: [...graph.initializer, ...writer.initializers],
    }),
  });
  const opsets = trials.flatMap(({ values }) => [...values.values()].map(({ dtype }) => firstOpset[dtype]));
  return { model: inOpset(switched, Math.max(firstOpset.int8, ...opsets)), selector };
}

function choice(condition: string, value: string, output: string, by: Quantization | Int4Weights, writer: QdqWriter): NodeProto {
  const quantized = new QdqWriter(create(GraphProtoSchema, {}));
  const branch = (name: string, make: (output: string) => NodeProto[]): GraphProto =>
    create(GraphProtoSchema, {
      name,
      node: make(`${output}/${name}`),
      output: [create(ValueInfoProtoSchema, { name: `${output}/${name}`, type: floatType() })],
      initializer: name === 'quantized' ? quantized.initializers : [],
    });
  const taken = branch('quantized', (name) => {
    if (by.dtype === 'int4') quantized.nodes.push(madeNode('Identity', [quantized.weights(writer.fresh(output), by)], name));
    else quantized.dequantize(quantized.quantize(value, writer.fresh(output), by), name, by, true);
    return quantized.nodes;
  });
  const other = branch('kept', (name) => [madeNode('Identity', [value], name)]);
  const node = madeNode('If', [condition], output);
  const attribute = [
    ['then_branch', taken],
    ['else_branch', other],
  ].map(([name, g]) => create(AttributeProtoSchema, { name: name as string, type: AttributeType.GRAPH, g: g as GraphProto }));
  return changed(node, { attribute });
}

function floatType(): ReturnType<typeof create<typeof TypeProtoSchema>> {
  return create(TypeProtoSchema, {
    value: { case: 'tensorType', value: create(TypeProto_TensorSchema, { elemType: DataType.FLOAT }) },
  });
}

function bytesOf(array: BigInt64Array): Uint8Array {
  return new Uint8Array(array.buffer as ArrayBuffer);
}
