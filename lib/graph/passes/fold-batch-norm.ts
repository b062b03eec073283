import { integer } from '../shape-rule.js';
import { GraphLinks } from '../graph-links.js';
import { OnnxNode, plainDomain } from '../onnx-graph.js';
import type { GraphProto, ModelProto, NodeProto, TensorProto } from '../onnx_pb.js';
import { changed } from './changed.js';
import { floatsOf, floatTensor, type ConstantFloats } from './constant-floats.js';
import { constantsOf, type ConstantLookup } from './constant-tensors.js';
import { FreshNames } from './names.js';
import { withoutUnread } from './remove-unused.js';
import { soundModel } from './sound-model.js';

/**
 * The same model with what follows a Conv, ConvTranspose or Gemm and only scales and shifts each channel folded into its weights: BatchNormalization that does not
 * train, and Mul, Div, Add and Sub with a constant for each channel or for all. It is calculated in doubles and rounded once.
 *
 * Folded is where the weights are constants and nobody else reads what comes between. Weights that others read stay beside the new ones. Left as they
 * are: weights in external data, since this reads no file, those that a caller may override (see `inlineConstants`), and graphs within nodes.
 *
 * `model` is left as it is and shares all other weights with the result; a model in which there is nothing to fold is returned itself.
 * Throws MODEL_UNSUPPORTED below opset 7, MODEL_INVALID for a damaged model.
 */
export function foldBatchNorm(model: ModelProto): ModelProto {
  const { graph, opset } = soundModel(model);
  const names = new FreshNames(graph);
  let folded = graph;
  // A chain folds from its front: each round takes one link off every chain.
  for (;;) {
    const next = foldedOnce(folded, opset, names);
    if (next === folded) break;
    folded = next;
  }
  return folded === graph ? model : changed(model, { graph: folded });
}

/** What follows, for each channel: `x * scale + shift`. */
interface Affine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

function foldedOnce(graph: GraphProto, opset: number, names: FreshNames): GraphProto {
  const links = new GraphLinks(graph);
  const constants = constantsOf(graph);
  const replaced = new Map<NodeProto, NodeProto>();
  const gone = new Set<NodeProto>();
  const made: TensorProto[] = [];
  for (const follower of graph.node) {
    const layer = links.producer(layerInput(follower, constants));
    if (layer === undefined || plainDomain(layer.domain) !== '' || replaced.has(layer) || gone.has(layer)) continue;
    const between = layer.output[0] as string;
    if (links.isOutput(between) || links.consumers(between).length > 1) continue;
    const weights = layerWeights(layer, constants);
    const affine = weights && affineOf(follower, between, opset, weights, constants);
    const folded = affine && foldedLayer(layer, weights, affine, names);
    if (folded === undefined) continue;
    replaced.set(layer, changed(folded.node, { output: [follower.output[0] as string] }));
    gone.add(follower);
    made.push(...folded.made);
  }
  if (gone.size === 0) return graph;
  const node = graph.node.filter((one) => !gone.has(one)).map((one) => replaced.get(one) ?? one);
  return withoutUnread(changed(graph, { node, initializer: [...graph.initializer, ...made] }));
}

/** The value that a node scales and shifts, if it may be one that does. */
function layerInput({ opType, domain, input }: NodeProto, constants: ConstantLookup): string {
  const [first = '', second = ''] = input;
  if (plainDomain(domain) !== '') return '';
  if (opType === 'BatchNormalization' || opType === 'Sub' || opType === 'Div') return first;
  if (opType !== 'Mul' && opType !== 'Add') return '';
  return constants(first) === undefined ? first : second;
}

/** The weights of a layer, and how its channels lie in them. */
interface LayerWeights {
  readonly weights: ConstantFloats;
  /** Undefined where there is none. */
  readonly bias: ConstantFloats | undefined;
  readonly channels: number;
  /** The channel of an element of the weights. */
  readonly channelOf: (index: number) => number;
  /** The number of axes of the output. */
  readonly rank: number;
  /** What the weights and the bias are multiplied with: those of Gemm. */
  readonly alpha: number;
  readonly beta: number;
}

function layerWeights(layer: NodeProto, constants: ConstantLookup): LayerWeights | undefined {
  const [, name = '', biasName = ''] = layer.input;
  const weights = floatsOf(constants(name));
  const bias = floatsOf(constants(biasName));
  if (weights === undefined || (biasName !== '' && bias === undefined)) return undefined;
  const node = new OnnxNode(layer, undefined);
  const [rows = 0, columns = 0] = weights.dims;
  const count = weights.values.length;
  const plain = { weights, bias, rank: weights.dims.length, alpha: 1, beta: 1 };
  switch (layer.opType) {
    case 'Conv':
      return { ...plain, channels: rows, channelOf: (index) => Math.floor(index / (count / rows)) };
    case 'ConvTranspose': {
      const groups = integer(node, 'group', 1);
      const [within, window] = [rows / groups, count / (rows * columns)];
      const channelOf = (index: number): number => {
        const row = Math.floor(index / (columns * window));
        return Math.floor(row / within) * columns + (Math.floor(index / window) % columns);
      };
      return { ...plain, channels: columns * groups, channelOf };
    }
    case 'Gemm': {
      const isTransposed = integer(node, 'transB', 0) !== 0;
      const factor = (attribute: string): number => (node.attributes.get(attribute) as number | undefined) ?? 1;
      const factors = { alpha: factor('alpha'), beta: factor('beta') };
      const channels = isTransposed ? rows : columns;
      const channelOf = isTransposed ? (index: number) => Math.floor(index / columns) : (index: number) => index % columns;
      // A bias of another value in each row of the batch is none for a channel.
      if (bias !== undefined && bias.values.length !== 1 && (bias.dims.at(-1) !== channels || bias.values.length !== channels))
        return undefined;
      return { ...plain, ...factors, channels, channelOf };
    }
    default:
      return undefined;
  }
}

function affineOf(
  follower: NodeProto,
  between: string,
  opset: number,
  { channels, rank, weights }: LayerWeights,
  constants: ConstantLookup,
): Affine | undefined {
  const { opType, input, output } = follower;
  if (opType === 'BatchNormalization') {
    const node = new OnnxNode(follower, undefined);
    const trains = integer(node, 'training_mode', 0) !== 0 || output.slice(1).some((name) => name !== '');
    const isSpatial = opset >= 9 || integer(node, 'spatial', 1) === 1;
    const parts = input.slice(1).map((name) => floatsOf(constants(name))?.values);
    if (trains || !isSpatial || parts.length !== 4 || !parts.every((part) => part?.length === channels)) return undefined;
    const [gamma, beta, mean, variance] = parts as [Float64Array, Float64Array, Float64Array, Float64Array];
    const epsilon = (node.attributes.get('epsilon') as number | undefined) ?? 1e-5;
    const scale = gamma.map((value, i) => value / Math.sqrt((variance[i] as number) + epsilon));
    return { scale, shift: beta.map((value, i) => value - (mean[i] as number) * (scale[i] as number)) };
  }
  const operand = floatsOf(constants(input[input[0] === between ? 1 : 0] ?? ''));
  const each = operand && operand.dtype === weights.dtype ? perChannel(operand, channels, rank) : undefined;
  if (each === undefined) return undefined;
  const [ones, zeros] = [each.map(() => 1), each.map(() => 0)];
  switch (opType) {
    case 'Mul':
      return { scale: each, shift: zeros };
    case 'Div':
      return { scale: each.map((value) => 1 / value), shift: zeros };
    case 'Add':
      return { scale: ones, shift: each };
    default:
      return { scale: ones, shift: each.map((value) => -value) };
  }
}

/** The number for each channel in a constant that is broadcast to `rank` axes of which the second is the channels; undefined where it has others. */
function perChannel({ values, dims }: ConstantFloats, channels: number, rank: number): Float64Array | undefined {
  if (dims.length > rank) return undefined;
  if (values.length === 1) return new Float64Array(channels).fill(values[0] as number);
  const axis = 1 - (rank - dims.length);
  return values.length === channels && dims[axis] === channels ? values : undefined;
}

/** Undefined where the new weights are not finite in their type. */
function foldedLayer(
  layer: NodeProto,
  { weights, bias, channels, channelOf, alpha, beta }: LayerWeights,
  { scale, shift }: Affine,
  names: FreshNames,
): { readonly node: NodeProto; readonly made: readonly TensorProto[] } | undefined {
  const scaled = weights.values.map((value, i) => value * alpha * (scale[channelOf(i)] as number));
  const shifted = shift.map((value, c) => {
    const own = bias === undefined ? 0 : (bias.values[bias.values.length === 1 ? 0 : c] as number);
    return value + own * beta * (scale[c] as number);
  });
  if (![scaled, shifted].every((values) => values.every(Number.isFinite))) return undefined;
  const [input = '', weightsName = '', biasName = ''] = layer.input;
  const label = biasName === '' ? `${layer.output[0] ?? ''}/bias` : biasName;
  const made = [
    floatTensor(names.fresh(`${weightsName}/folded`), { ...weights, values: scaled }),
    floatTensor(names.fresh(`${label}/folded`), { values: shifted, dims: [channels], dtype: weights.dtype }),
  ].filter((tensor) => tensor !== undefined);
  if (made.length < 2) return undefined;
  const attribute = layer.attribute.filter(({ name }) => name !== 'alpha' && name !== 'beta');
  return { node: changed(layer, { input: [input, ...made.map(({ name }) => name)], attribute }), made };
}
