import { AttributeProto_AttributeType as AttributeType, TensorProto_DataType as DataType } from './onnx_pb.js';
import type { AttributeProto, GraphProto, NodeProto, ValueInfoProto } from './onnx_pb.js';
import { plainDomain } from './onnx-graph.js';

/** The element type of a value by its name; undefined where it is not known. */
export type TypeLookup = (name: string) => DataType | undefined;

const integerResults = 'ArgMax ArgMin NonMaxSuppression NonZero Shape Size';
const truthResults = 'And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Xor';
/** Operators whose result need not be of the type of their first input, and those that have none. */
const unknownResults =
  'Bernoulli ConcatFromSequence EyeLike If Loop Multinomial Optional OptionalGetElement OptionalHasElement RandomNormal RandomNormalLike ' +
  'RandomUniform RandomUniformLike Scan SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap ' +
  'SplitToSequence TfIdfVectorizer';

/** Whose results are all of one type. */
const alikeResults = new Set(['Split', 'RNN', 'GRU', 'LSTM']);
/** Whose second result tells places. */
const placedResults = new Set(['MaxPool', 'TopK']);

type TypeRule = (node: NodeProto, types: TypeLookup) => DataType | undefined;

/** Of operators whose result does not have the type of their first input. */
const resultTypes: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ...integerResults.split(' ').map((operator) => [operator, () => DataType.INT64] as const),
  ...truthResults.split(' ').map((operator) => [operator, () => DataType.BOOL] as const),
  ...unknownResults.split(' ').map((operator) => [operator, () => undefined] as const),
  ['Cast', (node) => Number(attribute(node, 'to')?.i ?? 0n) || undefined],
  ['CastLike', ({ input }, types) => types(input[1] ?? '')],
  ['Constant', constantType],
  ['ConstantOfShape', (node) => attribute(node, 'value')?.t?.dataType ?? DataType.FLOAT],
  ['ConvInteger', () => DataType.INT32],
  ['DequantizeLinear', ({ input }, types) => types(input[1] ?? '')],
  ['DynamicQuantizeLinear', () => DataType.UINT8],
  ['MatMulInteger', () => DataType.INT32],
  ['OneHot', ({ input }, types) => types(input[2] ?? '')],
  ['QLinearConv', ({ input }, types) => types(input[7] ?? '')],
  ['QLinearMatMul', ({ input }, types) => types(input[7] ?? '')],
  ['QuantizeLinear', ({ input }, types) => ((input[2] ?? '') === '' ? DataType.UINT8 : types(input[2] as string))],
  ['Where', ({ input }, types) => types(input[1] ?? '')],
]);

/**
 * Element types of the values of a graph: what it declares, and what follows from the operators of ONNX. `outer` knows the values around a graph that
 * lies within a node.
 */
export function typesOfValues(graph: GraphProto, outer: TypeLookup = () => undefined): TypeLookup {
  const types = new Map<string, DataType>();
  const known: TypeLookup = (name) => types.get(name) ?? outer(name);
  const add = (name: string | undefined, type: DataType | undefined): void => {
    if (name && type) types.set(name, type);
  };
  for (const value of [...graph.valueInfo, ...graph.output, ...graph.input]) add(value.name, declaredType(value));
  for (const { name, dataType } of graph.initializer) add(name, dataType);
  for (const { values } of graph.sparseInitializer) add(values?.name, values?.dataType);
  for (const node of graph.node) {
    const [first] = node.output;
    if (first === undefined || plainDomain(node.domain) !== '' || types.has(first)) continue;
    const rule = resultTypes.get(node.opType);
    const type = rule === undefined ? known(node.input[0] ?? '') : rule(node, known);
    add(first, type);
    for (const name of node.output.slice(1)) {
      if (alikeResults.has(node.opType)) add(name, type);
      else if (placedResults.has(node.opType)) add(name, DataType.INT64);
    }
  }
  return known;
}

function declaredType({ type }: ValueInfoProto): DataType | undefined {
  return type?.value.case === 'tensorType' ? type.value.value.elemType : undefined;
}

function constantType(node: NodeProto): DataType | undefined {
  const [value] = node.attribute;
  if (value?.type === AttributeType.TENSOR) return value.t?.dataType;
  if (value?.name === 'value_float' || value?.name === 'value_floats') return DataType.FLOAT;
  return value?.name === 'value_int' || value?.name === 'value_ints' ? DataType.INT64 : undefined;
}

function attribute(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((own) => own.name === name);
}
