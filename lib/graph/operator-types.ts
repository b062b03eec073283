import type { GraphLinks } from './graph-links.js';
import {
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type NodeProto,
  type TypeProto,
} from './onnx_pb.js';
import { plainDomain } from './onnx-graph.js';

/** The element type of an output: a DataType, or that of another value. */
type Origin = DataType | { readonly like: string };

type Rule = (node: NodeProto, output: number) => Origin | undefined;

const likeInput =
  (index: number): Rule =>
  ({ input }) =>
    (input[index] ?? '') === '' ? undefined : { like: input[index] as string };

const always =
  (type: DataType): Rule =>
  () =>
    type;

const valuesThen =
  (type: DataType): Rule =>
  (node, output) =>
    output === 0 ? likeInput(0)(node, 0) : type;

/** A type that an attribute names. */
const named =
  (attribute: string, otherwise: Rule): Rule =>
  (node, output) => {
    const given = node.attribute.find(({ name }) => name === attribute);
    return given === undefined || given.i === 0n ? otherwise(node, output) : Number(given.i);
  };

const bool = always(DataType.BOOL);
const int64 = always(DataType.INT64);
const int32 = always(DataType.INT32);
const unknown: Rule = () => undefined;

const constant: Rule = ({ attribute: [value] }) => {
  if (value?.type === AttributeType.TENSOR || value?.t !== undefined) return value.t?.dataType;
  const types: Readonly<Record<string, DataType>> = {
    value_float: DataType.FLOAT,
    value_floats: DataType.FLOAT,
    value_int: DataType.INT64,
    value_ints: DataType.INT64,
    value_string: DataType.STRING,
    value_strings: DataType.STRING,
  };
  return types[value?.name ?? ''];
};

/** Operators of ONNX whose output is not of the type of their first input. */
const rules: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...['And', 'Or', 'Xor', 'Not', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'IsNaN', 'IsInf'].map(
    (name) => [name, bool] as const,
  ),
  ...['Shape', 'Size', 'NonZero', 'ArgMax', 'ArgMin', 'NonMaxSuppression', 'SequenceLength', 'StringSplit'].map(
    (name) => [name, int64] as const,
  ),
  ...['ConvInteger', 'MatMulInteger'].map((name) => [name, int32] as const),
  ...[
    'If',
    'Loop',
    'Scan',
    'SequenceAt',
    'SequenceConstruct',
    'SequenceEmpty',
    'SequenceInsert',
    'SequenceErase',
    'SequenceMap',
  ].map((name) => [name, unknown] as const),
  ...['SplitToSequence', 'ConcatFromSequence', 'Optional', 'OptionalGetElement', 'ImageDecoder', 'Unique'].map(
    (name) => [name, unknown] as const,
  ),
  ...['MaxPool', 'TopK'].map((name) => [name, valuesThen(DataType.INT64)] as const),
  ['Dropout', valuesThen(DataType.BOOL)],
  ['Cast', named('to', unknown)],
  ['CastLike', likeInput(1)],
  ['Where', likeInput(1)],
  ['OneHot', likeInput(2)],
  ['EyeLike', named('dtype', likeInput(0))],
  ...['RandomNormal', 'RandomUniform', 'HannWindow', 'HammingWindow', 'BlackmanWindow', 'MelWeightMatrix'].map(
    (name) => [name, unknown] as const,
  ),
  ['Bernoulli', named('dtype', likeInput(0))],
  ['RandomNormalLike', named('dtype', likeInput(0))],
  ['RandomUniformLike', named('dtype', likeInput(0))],
  ['Multinomial', named('dtype', int32)],
  ['Constant', constant],
  ['ConstantOfShape', (node) => (node.attribute.length === 0 ? DataType.FLOAT : constant(node, 0))],
  ['QuantizeLinear', (node) => likeInput(2)(node, 0) ?? named('output_dtype', always(DataType.UINT8))(node, 0)],
  ['DequantizeLinear', likeInput(1)],
  ['DynamicQuantizeLinear', (_, output) => (output === 1 ? DataType.FLOAT : DataType.UINT8)],
  ['QLinearConv', likeInput(7)],
  ['QLinearMatMul', likeInput(7)],
]);

/**
 * The element type (a DataType) of a value of a graph that declares none: what its operator makes of its inputs. `declared` is what is known of others.
 * Undefined where it cannot be told: operators of other domains, and those that make sequences or take their type from within.
 */
export function inferredElementType(
  links: GraphLinks,
  declared: (name: string) => TypeProto | undefined,
  name: string,
): number | undefined {
  const seen = new Set<string>();
  for (let value = name; !seen.has(value);) {
    seen.add(value);
    const type = declared(value)?.value;
    if (type !== undefined && type.case !== undefined)
      return type.case === 'tensorType' ? type.value.elemType || undefined : undefined;
    const node = links.producer(value);
    if (node === undefined) return links.initializer(value)?.dataType;
    if (plainDomain(node.domain) !== '') return undefined;
    const origin = (rules.get(node.opType) ?? likeInput(0))(node, node.output.indexOf(value));
    if (typeof origin !== 'object') return origin;
    value = origin.like;
  }
  return undefined;
}
