import type { GraphLinks } from '../graph-links.js';
import { OnnxNode, plainDomain } from '../onnx-graph.js';
import type { NodeProto, TensorProto } from '../onnx_pb.js';
import { integer } from '../shape-rule.js';
import { changed } from './changed.js';
import { floatsOf, floatTensor, type ConstantFloats } from './constant-floats.js';
import type { ConstantLookup } from './constant-tensors.js';
import { madeNode } from './made-nodes.js';
import type { FreshNames } from './names.js';

export interface GemmSurroundings {
  readonly links: GraphLinks;
  readonly constants: ConstantLookup;
  readonly names: FreshNames;
  /** The number of axes of a value; undefined where it is not known. */
  readonly ranks: (name: string) => number | undefined;
}

export interface NormalGemm {
  /** In the place of the node. */
  readonly nodes: readonly NodeProto[];
  readonly made: readonly TensorProto[];
  /** The MatMul that an Add takes into itself. */
  readonly instead?: NodeProto;
}

/** A linear layer with constant weights as `x * transposed(weights) + bias`; undefined for a node that is none, or is so already. */
export function normalGemm(node: NodeProto, around: GemmSurroundings): NormalGemm | undefined {
  if (plainDomain(node.domain) !== '') return undefined;
  if (node.opType === 'Add') return fromMatMul(node, around);
  return node.opType === 'Gemm' ? fromGemm(node, around) : undefined;
}

function fromMatMul(add: NodeProto, { links, constants, names, ranks }: GemmSurroundings): NormalGemm | undefined {
  const product = add.input
    .map((name) => links.producer(name))
    .find((one) => one?.opType === 'MatMul' && plainDomain(one.domain) === '');
  if (product === undefined || add.input.length !== 2) return undefined;
  const between = product.output[0] as string;
  const [input = '', weightsName = ''] = product.input;
  const biasName = add.input[add.input[0] === between ? 1 : 0] as string;
  const weights = floatsOf(constants(weightsName));
  const bias = floatsOf(constants(biasName));
  if (weights?.dims.length !== 2 || bias === undefined || ranks(input) !== 2) return undefined;
  if (links.isOutput(between) || links.consumers(between).length > 1) return undefined;
  // What Gemm can broadcast, and Add does not widen.
  const { values, dims } = bias;
  const isRow = dims.length <= 2 && (values.length === 1 || (values.length === weights.dims[1] && dims.at(-1) === values.length));
  const turned = isRow ? floatTensor(names.fresh(`${weightsName}/transposed`), transposed(weights)) : undefined;
  if (turned === undefined) return undefined;
  const gemm = madeNode('Gemm', [input, turned.name, biasName], add.output[0] as string, { transB: 1 });
  return { nodes: [changed(gemm, { name: product.name || add.name })], made: [turned], instead: product };
}

function fromGemm(proto: NodeProto, { constants, names }: GemmSurroundings): NormalGemm | undefined {
  const node = new OnnxNode(proto, undefined);
  const [input = '', weightsName = '', biasName = ''] = proto.input;
  const weights = floatsOf(constants(weightsName));
  if (weights?.dims.length !== 2) return undefined;
  const bias = floatsOf(constants(biasName));
  const factor = (name: string): number => (node.attributes.get(name) as number | undefined) ?? 1;
  const [alpha, beta] = [factor('alpha'), biasName === '' ? 1 : factor('beta')];
  const [isTurned, isInputTurned] = [integer(node, 'transB', 0) !== 0, integer(node, 'transA', 0) !== 0];
  // A factor of what is no constant stays.
  const leavesBeta = beta !== 1 && bias === undefined;
  if (isTurned && !isInputTurned && alpha === 1 && (beta === 1 || leavesBeta)) return undefined;

  const made: TensorProto[] = [];
  const constant = (name: string, label: string, floats: ConstantFloats): string | undefined => {
    const tensor = floatTensor(names.fresh(`${name}/${label}`), floats);
    if (tensor !== undefined) made.push(tensor);
    return tensor?.name;
  };
  const rows = isTurned ? weights : transposed(weights);
  const label = isTurned ? 'scaled' : 'transposed';
  const newWeights = isTurned && alpha === 1 ? weightsName : constant(weightsName, label, scaled(rows, alpha));
  const newBias = bias === undefined || beta === 1 ? biasName : constant(biasName, 'scaled', scaled(bias, beta));
  if (newWeights === undefined || newBias === undefined) return undefined;
  const turn = isInputTurned
    ? [madeNode('Transpose', [input], names.fresh(`${proto.output[0] ?? ''}/input`), { perm: [1, 0] })]
    : [];
  const gemm = madeNode(
    'Gemm',
    [turn[0]?.output[0] ?? input, newWeights, ...(newBias === '' ? [] : [newBias])],
    proto.output[0] as string,
    { transB: 1 },
  );
  const attribute = [...gemm.attribute, ...proto.attribute.filter(({ name }) => name === 'beta' && leavesBeta)];
  return { nodes: [...turn, changed(proto, { input: gemm.input, attribute })], made };
}

function scaled(floats: ConstantFloats, factor: number): ConstantFloats {
  return factor === 1 ? floats : { ...floats, values: floats.values.map((value) => value * factor) };
}

function transposed({ values, dims: [rows = 0, columns = 0], dtype }: ConstantFloats): ConstantFloats {
  const turned = new Float64Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column] as number;
  }
  return { values: turned, dims: [columns, rows], dtype };
}
