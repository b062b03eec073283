import { create } from '@bufbuild/protobuf';
import { isDType, type DType, type TypedArrayOf } from '../../tensor/index.js';
import { codeOf, elementTypeOf } from '../element-type.js';
import { OnnxGraph, OnnxNode, plainDomain } from '../onnx-graph.js';
import {
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../onnx_pb.js';
import { integer, product, type Sizes } from '../shape-rule.js';
import { fixedSizes } from '../value-sizes.js';
import { typesOfValues } from '../value-types.js';
import { changed } from './changed.js';
import { constantOf } from './constant-tensors.js';
import { madeNode } from './made-nodes.js';
import { subgraphsOf } from './names.js';
import { withoutUnread } from './remove-unused.js';
import { soundModel } from './sound-model.js';

/** What a constant comes out as. */
export interface ConstantValue {
  readonly dtype: DType;
  readonly dims: readonly number[];
  /** Rows first. */
  readonly data: TypedArrayOf<DType>;
}

/** Runs a model that has no inputs once, and gives its outputs by name. */
export type EvaluateConstants = (model: ModelProto) => Promise<ReadonlyMap<string, ConstantValue>>;

/** A result above this is kept only where what it is made of is as large. */
const largestGrowth = 16 * 2 ** 20;
/** Of an element whose type is not known before. */
const widestElement = 8;

/** Operators that give something else each time, keep a state, or hold weights small. */
const kept = new Set(
  (
    'Bernoulli Dropout Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike QuantizeLinear DequantizeLinear ' +
    'Optional OptionalGetElement OptionalHasElement ConcatFromSequence SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert ' +
    'SequenceLength SplitToSequence'
  ).split(' '),
);
/** Operators whose result is of a length that the elements tell, but never has more elements than this many times those that go in. */
const neverLonger: ReadonlyMap<string, number> = new Map([
  ['Compress', 1],
  ['NonZero', 8],
  ['Unique', 1],
]);

/**
 * The same model with what its operators make of constants alone as constants: those nodes are put into one model without inputs, which `evaluate` runs once.
 * Shape and Size of a value whose sizes are the same whatever the batch become constants first.
 *
 * Not evaluated are QuantizeLinear and DequantizeLinear, which hold weights small, what is random, operators of other domains, graphs within nodes, constants
 * in external data, and results of more than 16 MiB or unknown size that are larger than what they are made of. Names of outputs stay: an output that turns out
 * constant is made by a Constant.
 *
 * `model` is left as it is and shares its weights with the result; a model in which there is nothing to evaluate is returned itself.
 * Rejects with MODEL_UNSUPPORTED below opset 7, MODEL_INVALID for a damaged model, and as `evaluate` does.
 */
export async function foldConstants(model: ModelProto, evaluate: EvaluateConstants): Promise<ModelProto> {
  const { graph } = soundModel(model);
  const sized = withKnownShapes(graph);
  const { nodes, constants, results } = constantPart(sized);
  if (results.length === 0) return sized === graph ? model : changed(model, { graph: withoutUnread(sized) });
  const output = results.map((name) => create(ValueInfoProtoSchema, { name }));
  const part = changed(graph, {
    node: nodes,
    initializer: constants,
    sparseInitializer: [],
    input: [],
    output,
    valueInfo: [],
    quantizationAnnotation: [],
  });
  const values = await evaluate(changed(model, { graph: part, metadataProps: [], trainingInfo: [] }));
  return changed(model, { graph: withoutUnread(withValues(sized, values)) });
}

/** With a Constant for each Shape and Size that is known. */
function withKnownShapes(graph: GraphProto): GraphProto {
  const sizes = fixedSizes(new OnnxGraph(graph, undefined));
  const node = graph.node.map((one) => {
    const list = knownShape(one, sizes.get(one.input[0] ?? '') ?? null);
    if (list === undefined) return one;
    const [name = ''] = one.output;
    const rawData = new Uint8Array(BigInt64Array.from([list].flat(), BigInt).buffer);
    const dims = Array.isArray(list) ? [BigInt(list.length)] : [];
    const value = create(TensorProtoSchema, { name, dataType: DataType.INT64, dims, rawData });
    return changed(madeNode('Constant', [], name, { value }), { name: one.name });
  });
  return node.every((one, i) => one === graph.node[i]) ? graph : changed(graph, { node });
}

function knownShape(proto: NodeProto, sizes: Sizes): readonly number[] | number | undefined {
  if (sizes === null || plainDomain(proto.domain) !== '') return undefined;
  if (proto.opType === 'Size') return product(sizes) ?? undefined;
  if (proto.opType !== 'Shape') return undefined;
  const node = new OnnxNode(proto, undefined);
  const part = sizes.slice(integer(node, 'start', 0), integer(node, 'end', sizes.length));
  return part.every((size) => size !== null) ? part : undefined;
}

interface ConstantPart {
  readonly nodes: NodeProto[];
  readonly constants: TensorProto[];
  /** Names of the values that others read. */
  readonly results: readonly string[];
}

/** The nodes that read nothing but constants, with those. */
function constantPart(graph: GraphProto): ConstantPart {
  const part = new PartOfConstants(graph);
  for (const node of graph.node) part.add(node);
  const inside = new Set(part.nodes);
  const read = new Set([
    ...graph.node.filter((node) => !inside.has(node)).flatMap(({ input }) => input),
    ...graph.node.flatMap((node) => (subgraphsOf(node).length === 0 ? [] : readWithin(node))),
    ...graph.output.map(({ name }) => name),
  ]);
  // A Constant is its own result.
  const results = part.nodes.filter(({ opType }) => opType !== 'Constant').flatMap(({ output }) => output.filter((name) => read.has(name)));
  const needed = withoutUnread(
    changed(graph, {
      node: [...part.nodes],
      initializer: [...part.constants],
      sparseInitializer: [],
      input: [],
      output: results.map((name) => create(ValueInfoProtoSchema, { name })),
      valueInfo: [],
    }),
  );
  return { nodes: needed.node, constants: needed.initializer, results };
}
