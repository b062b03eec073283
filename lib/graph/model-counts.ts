import type { ElementType } from './element-type.js';
import { OnnxGraph, plainDomain, type OnnxNode } from './onnx-graph.js';
import type { OnnxModel } from './onnx-model.js';
import { OnnxTensor } from './onnx-tensor.js';
import { integer, product, type Sizes } from './shape-rule.js';
import { sizesOfValues } from './value-sizes.js';

/** Initializers of one element type. */
export interface ParameterCount {
  readonly dtype: ElementType;
  /** Number of elements. */
  readonly count: number;
  /** Their size in raw form; null for strings and unknown types. */
  readonly bytes: number | null;
}

export interface OperatorCount {
  /** `Conv`; with its domain where it is not ONNX's own: `com.microsoft.FusedConv`. */
  readonly operator: string;
  readonly count: number;
}

/** Multiplications with an addition that one run takes. */
export interface MacCount {
  /** Null where it is not known of every node: then the model takes more than {@link known}. */
  readonly total: number | null;
  /** Of the nodes whose shapes are known. */
  readonly known: number;
  readonly knownNodes: number;
  /** Nodes that multiply and add: convolutions and matrix products. */
  readonly nodes: number;
  /** Free batch dimensions that were taken as 1: their names, `?` for one without. */
  readonly takenAsOne: readonly string[];
}

/**
 * Elements of the initializers by type, the most bytes first. Those of subgraphs and in external data count too; of sparse ones, the
 * elements that are stored.
 */
export function countParameters(model: OnnxModel): ParameterCount[] {
  const counts = new Map<ElementType, ParameterCount>();
  for (const graph of graphsOf(model.graph)) {
    const sparse = graph.proto.sparseInitializer.flatMap(({ values }) => (values ? [new OnnxTensor(values, undefined)] : []));
    for (const { dtype, elementCount, byteLength } of [...graph.initializers.values(), ...sparse]) {
      const { count, bytes } = counts.get(dtype) ?? { count: 0, bytes: 0 };
      const sum = bytes === null || byteLength === undefined ? null : bytes + byteLength;
      counts.set(dtype, { dtype, count: count + elementCount, bytes: sum });
    }
  }
  return [...counts.values()].sort((left, right) => (right.bytes ?? 0) - (left.bytes ?? 0));
}

/** Nodes by operator, those of subgraphs too: the most frequent first, equally frequent ones by name. */
export function countOperators(model: OnnxModel): OperatorCount[] {
  const counts = new Map<string, number>();
  for (const { domain, opType } of graphsOf(model.graph).flatMap(({ nodes }) => nodes)) {
    const operator = domain === '' ? opType : `${domain}.${opType}`;
    counts.set(operator, (counts.get(operator) ?? 0) + 1);
  }
  return [...counts]
    .map(([operator, count]) => ({ operator, count }))
    .sort((left, right) => right.count - left.count || (left.operator < right.operator ? -1 : 1));
}

/**
 * Multiply-accumulates of convolutions and matrix products, quantised ones too, each over its whole kernel, padding included; the addition of a
 * bias is not counted. Nodes in subgraphs and functions count as unknown: how often they run, and on what, is told elsewhere. Operators of other domains are not counted.
 */
export function countMacs(model: OnnxModel): MacCount {
  const { sizes, takenAsOne } = sizesOfValues(model.graph);
  const [main, ...subgraphs] = graphsOf(model.graph).map(({ nodes }) => nodes.filter(isCounted));
  const macs = (main ?? []).map((node) => macsOf(node, sizes));
  const known = macs.filter((count) => count !== null);
  const sum = known.reduce((total, count) => total + count, 0);
  const inFunctions = model.proto.functions.flatMap(({ node }) => node).filter(isCounted);
  const nodes = macs.length + subgraphs.flat().length + inFunctions.length;
  const total = known.length === nodes && Number.isSafeInteger(sum) ? sum : null;
  return { total, known: sum, knownNodes: known.length, nodes, takenAsOne };
}

/** The graph and those within its nodes, at any depth. */
function graphsOf(graph: OnnxGraph): OnnxGraph[] {
  const within = graph.nodes
    // Only nodes with subgraphs are looked into: to see the attributes of all would decode every constant.
    .filter(({ proto }) => proto.attribute.some(({ g, graphs }) => g !== undefined || graphs.length > 0))
    .flatMap(({ attributes }) => [...attributes.values()].flat())
    .filter((value) => value instanceof OnnxGraph);
  return [graph, ...within.flatMap(graphsOf)];
}

type Macs = (node: OnnxNode, sizes: (name: string | undefined) => Sizes) => number | null;

/** Every element of the output takes one kernel: weights are `[M, C / group, …]`. */
const convolution =
  (weights: number): Macs =>
  (node, sizes) =>
    times(product(sizes(node.outputs[0])), product(sizes(node.inputs[weights])?.slice(1) ?? null));

/** Every element of the output takes one row and one column. */
const matrixProduct =
  (right: number): Macs =>
  (node, sizes) => {
    const columns = sizes(node.inputs[0])?.at(-1) ?? null;
    const rows = sizes(node.inputs[right]);
    const inner = rows === null ? null : (rows.at(rows.length === 1 ? -1 : -2) ?? null);
    if (columns !== null && inner !== null && columns !== inner) return null;
    return times(product(sizes(node.outputs[0])), columns ?? inner);
  };

const macsByOperator: ReadonlyMap<string, Macs> = new Map<string, Macs>([
  ['Conv', convolution(1)],
  ['ConvInteger', convolution(1)],
  ['QLinearConv', convolution(3)],
  // Every element of the input is spread by one kernel: weights are [C, M / group, …].
  ['ConvTranspose', (node, sizes) => times(product(sizes(node.inputs[0])), product(sizes(node.inputs[1])?.slice(1) ?? null))],
  ['MatMul', matrixProduct(1)],
  ['MatMulInteger', matrixProduct(1)],
  ['QLinearMatMul', matrixProduct(3)],
  ['Gemm', (node, sizes) => times(product(sizes(node.outputs[0])), sizes(node.inputs[1])?.[integer(node, 'transB', 0)] ?? null)],
]);

function isCounted({ domain, opType }: Pick<OnnxNode, 'domain' | 'opType'>): boolean {
  return plainDomain(domain) === '' && macsByOperator.has(opType);
}

function macsOf(node: OnnxNode, sizes: ReadonlyMap<string, Sizes>): number | null {
  const of = (name: string | undefined): Sizes => sizes.get(name ?? '') ?? null;
  return macsByOperator.get(node.opType)?.(node, of) ?? null;
}

function times(left: number | null, right: number | null): number | null {
  return product([left, right]);
}
