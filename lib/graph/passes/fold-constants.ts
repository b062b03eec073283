import { create } from '@bufbuild/protobuf';
import { invalidArgument } from '../../errors/index.js';
import { dtypeBytes, isDType, type DType, type TypedArrayOf } from '../../tensor/index.js';
import { codeOf, elementTypeOf } from '../element-type.js';
import { GraphLinks } from '../graph-links.js';
import { OnnxGraph, OnnxNode, plainDomain } from '../onnx-graph.js';
import {
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type TensorProto_DataType as DataType,
} from '../onnx_pb.js';
import { OnnxTensor } from '../onnx-tensor.js';
import { integer, product, type Sizes } from '../shape-rule.js';
import { fixedSizes } from '../value-sizes.js';
import { typesOfValues } from '../value-types.js';
import { changed } from './changed.js';
import { irWithInitializers, withInitializersOnly } from './inline-constants.js';
import { madeNode } from './made-nodes.js';
import { readBy, subgraphsOf } from './names.js';
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
/** Operators that give something else each time, keep a state, or hold weights small. */
const kept = new Set(
  (
    'Bernoulli Dropout Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike QuantizeLinear DequantizeLinear ' +
    'Optional OptionalGetElement OptionalHasElement ConcatFromSequence SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert ' +
    'SequenceLength SplitToSequence'
  ).split(' '),
);
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
  const inlined = withInitializersOnly(graph);
  const sized = withConstants(inlined, knownShapes(inlined));
  const nodes = constantNodes(sized);
  const folded = nodes.size === 0 ? sized : withConstants(sized, await evaluated(model, sized, nodes, evaluate));
  return folded === graph ? model : changed(model, { irVersion: irWithInitializers(model), graph: folded });
}

/** Constants in the place of the nodes that make values of these names. */
function withConstants(graph: GraphProto, values: ReadonlyMap<string, TensorProto>): GraphProto {
  if (values.size === 0) return graph;
  const outputs = new Set(graph.output.map(({ name }) => name));
  const initializer = [...values.values()].filter(({ name }) => !outputs.has(name));
  const node = graph.node.flatMap((one) => {
    if (!one.output.some((name) => values.has(name))) return [one];
    return one.output.flatMap((name) => {
      const value = outputs.has(name) ? values.get(name) : undefined;
      return value === undefined ? [] : [madeNode('Constant', [], name, { value })];
    });
  });
  return withoutUnread(changed(graph, { node, initializer: [...graph.initializer, ...initializer] }));
}

/** What each Shape and Size gives whose input has sizes that are the same whatever the batch. */
function knownShapes(graph: GraphProto): ReadonlyMap<string, TensorProto> {
  const sizes = fixedSizes(new OnnxGraph(graph, undefined));
  return new Map(
    graph.node.flatMap((node) => {
      const data = knownShape(node, sizes.get(node.input[0] ?? '') ?? null);
      const [name = ''] = node.output;
      if (data === undefined) return [];
      const dims = node.opType === 'Size' ? [] : [data.length];
      return [[name, tensorOf(name, { dtype: 'int64', dims, data: BigInt64Array.from(data, BigInt) })] as const];
    }),
  );
}

function knownShape(proto: NodeProto, sizes: Sizes): readonly number[] | undefined {
  if (sizes === null || plainDomain(proto.domain) !== '') return undefined;
  const count = product(sizes);
  if (proto.opType === 'Size') return count === null ? undefined : [count];
  if (proto.opType !== 'Shape') return undefined;
  const node = new OnnxNode(proto, undefined);
  const part = sizes.slice(integer(node, 'start', 0), integer(node, 'end', sizes.length));
  return part.every((size) => size !== null) ? part : undefined;
}

/** The nodes that read nothing but constants, and are worth to be evaluated. */
function constantNodes(graph: GraphProto): ReadonlySet<NodeProto> {
  const types = typesOfValues(graph);
  const sizes = fixedSizes(new OnnxGraph(graph, undefined));
  const links = new GraphLinks(graph);
  /** Bytes of each constant. */
  const constants = new Map<string, number>();
  const inputs = new Set(graph.input.map(({ name }) => name));
  for (const proto of graph.initializer) {
    const { name, dtype, external, byteLength } = new OnnxTensor(proto, undefined);
    if (!inputs.has(name) && external === undefined && isDType(dtype)) constants.set(name, byteLength as number);
  }
  const nodes = new Set<NodeProto>();
  for (const node of graph.node) {
    const read = [...new Set(node.input.filter((name) => name !== ''))];
    const isKept = kept.has(node.opType) || plainDomain(node.domain) !== '' || subgraphsOf(node).length > 0;
    if (isKept || read.length === 0 || !read.every((name) => constants.has(name))) continue;
    const made = node.output
      .filter((name) => name !== '')
      .map((name) => [name, bytesOf(types(name), sizes.get(name) ?? null)] as const);
    const grown = made.reduce((sum, [, bytes]) => sum + bytes, 0);
    const freed = read
      .filter((name) => links.consumers(name).length === 1)
      .reduce((sum, name) => sum + (constants.get(name) ?? 0), 0);
    if (grown > Math.max(largestGrowth, freed)) continue;
    nodes.add(node);
    for (const [name, bytes] of made) constants.set(name, bytes);
  }
  return nodes;
}

/** Infinity where it is not known, or is of a type that does not come back from an engine. */
function bytesOf(type: DataType | undefined, sizes: Sizes): number {
  const dtype = type === undefined ? 'float64' : elementTypeOf(type);
  return isDType(dtype) ? (product(sizes) ?? Infinity) * dtypeBytes(dtype) : Infinity;
}

/** What of these nodes others read, evaluated. */
async function evaluated(
  model: ModelProto,
  graph: GraphProto,
  nodes: ReadonlySet<NodeProto>,
  evaluate: EvaluateConstants,
): Promise<ReadonlyMap<string, TensorProto>> {
  const read = new Set([
    ...graph.node.filter((node) => !nodes.has(node)).flatMap(readBy),
    ...graph.output.map(({ name }) => name),
  ]);
  const results = [...nodes].flatMap(({ output }) => output.filter((name) => read.has(name)));
  const part = changed(graph, {
    node: [...nodes],
    sparseInitializer: [],
    input: [],
    output: results.map((name) => create(ValueInfoProtoSchema, { name })),
    valueInfo: [],
    quantizationAnnotation: [],
  });
  const values = await evaluate(
    changed(model, {
      irVersion: irWithInitializers(model),
      graph: withoutUnread(part),
      functions: [],
      metadataProps: [],
      trainingInfo: [],
    }),
  );
  return new Map(
    results.map((name) => {
      const value = values.get(name);
      if (value === undefined) throw invalidArgument('evaluate', `a function that gives ${JSON.stringify(name)}`, undefined);
      return [name, tensorOf(name, value)];
    }),
  );
}

function tensorOf(name: string, { dtype, dims, data }: ConstantValue): TensorProto {
  // A copy: what an engine gave may lie in its memory.
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  return create(TensorProtoSchema, { name, dataType: codeOf(dtype), dims: dims.map(BigInt), rawData });
}
