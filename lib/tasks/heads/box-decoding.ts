import type { OnnxModel, OnnxNode } from '../../graph/index.js';
import { passThrough } from '../activation.js';

/**
 * How a graph makes boxes of what its last convolutions give, for heads with a candidate at each cell of a grid.
 * - `none`: not at all: offsets and log sizes as the network gives them (YOLOX).
 * - `exponential`: centres are offsets from the cells, sizes exponentials (YOLOX that decodes in the graph).
 * - `distances`: from the distances of the sides (YOLOv6, and YOLOv8 and its kin).
 */
export type BoxDecoding = 'none' | 'exponential' | 'distances';

/** Values are only moved, put together or taken apart. */
const moves: readonly string[] = [
  ...passThrough,
  ...['Concat', 'Split', 'Slice', 'Gather', 'Expand', 'ScatterND', 'ScatterElements'],
];

const convolutions: readonly string[] = ['Conv', 'MatMul', 'Gemm'];

/** Those of whole numbers, which operators of their own scale and give a bias. */
const integerConvolutions: readonly string[] = ['ConvInteger', 'MatMulInteger'];
const scaling: readonly string[] = ['Add', 'Mul', 'Cast'];
/** A cast, a scale and a bias, and a cast to float16. */
const mostScaling = 4;

const arithmetic: readonly string[] = ['Add', 'Sub', 'Mul', 'Div', 'Exp'];

/** The plain operator that one of ONNX Runtime's stands for: it writes quantised and fused ones into the models that it makes of others. */
function kindOf(node: OnnxNode): string {
  if (node.opType === 'FusedConv' && node.attributes.get('activation') === 'Sigmoid') return 'Sigmoid';
  return node.opType.replace(/^QLinear/, '');
}

/**
 * How `output` comes from the last convolutions, looking back over what moves and calculates. undefined where it comes from anything else, or by
 * any other calculation: another model, boxes told by their corners, or an exporter that writes it in another way.
 */
export function boxDecoding({ graph }: OnnxModel, output: string): BoxDecoding | undefined {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const shown = shownValues(graph);
  const calculations = new Set<string>();
  const ends = new Set<string>();
  const seen = new Set<string>();
  // Grids, strides and indices are the same whatever picture is shown: they are passed over.
  const waiting = shown.has(output) ? [output] : [];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const node = makers.get(name);
    if (node === undefined) return undefined;
    const kind = kindOf(node);
    const isArithmetic = arithmetic.includes(kind);
    if (convolutions.includes(kind) || isOfIntegers(makers, name)) ends.add('Conv');
    else if (!isArithmetic && !moves.includes(kind)) ends.add(kind);
    else {
      const operands = node.inputs.filter((input) => shown.has(input));
      if (isArithmetic) calculations.add(kind === 'Sub' && operands.length === 2 ? 'difference' : kind);
      for (const operand of operands) waiting.push(operand);
    }
  }
  return decodingOf(calculations, ends);
}

/** Values that depend on what the model is shown, not only on the size of it. */
function shownValues({ inputs, nodes }: OnnxModel['graph']): ReadonlySet<string> {
  const shown = new Set(inputs.map(({ name }) => name));
  for (const { opType, inputs: operands, outputs } of nodes) {
    if (opType === 'Shape' || opType === 'Size' || !operands.some((name) => shown.has(name))) continue;
    for (const name of outputs) shown.add(name);
  }
  return shown;
}

function isOfIntegers(makers: ReadonlyMap<string, OnnxNode>, name: string): boolean {
  let node = makers.get(name);
  for (let step = 0; step < mostScaling && node !== undefined && scaling.includes(node.opType); step++) {
    node = makers.get(node.inputs[0] ?? '');
  }
  return node !== undefined && integerConvolutions.includes(node.opType);
}

function decodingOf(calculations: ReadonlySet<string>, ends: ReadonlySet<string>): BoxDecoding | undefined {
  // Boxes come straight from convolutions, scores through a sigmoid.
  if (ends.size !== 2 || !ends.has('Conv') || !ends.has('Sigmoid')) return undefined;
  const has = (...names: readonly string[]): boolean => names.every((name) => calculations.has(name));
  if (calculations.size === 0) return 'none';
  if (calculations.size === 3 && has('Add', 'Mul', 'Exp')) return 'exponential';
  // A width is the difference of two sides.
  return has('difference', 'Mul') && !has('Exp') ? 'distances' : undefined;
}
