import { create } from '@bufbuild/protobuf';
import { GraphLinks } from '../graph-links.js';
import { OnnxGraph, OnnxNode, plainDomain } from '../onnx-graph.js';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from '../onnx_pb.js';
import { integer, integers, type Sizes } from '../shape-rule.js';
import { fixedSizes } from '../value-sizes.js';
import { changed } from './changed.js';
import { constantsOf, type ConstantLookup } from './constant-tensors.js';
import { FreshNames } from './names.js';
import { normalGemm } from './normalize-gemm.js';
import { withoutUnread } from './remove-unused.js';
import { soundModel } from './sound-model.js';

/**
 * The same model with its layers in one form, which quantisation and the folding of batch normalisation look for:
 *
 * - `auto_pad` of Conv and of pools as `pads`, where the sizes are the same whatever the batch;
 * - a Pad with zeros, of places only, as `pads` of the Conv that reads it, or of an AveragePool that counts them;
 * - MatMul of a matrix with constant weights, and Add, as Gemm; Gemm with constant weights as `[outputs, inputs]` (`transB` 1), whose axis 0 is the channels
 *   as it is of Conv, `transA` 0 and factors of 1.
 *
 * Weights in external data and graphs within nodes are left as they are. `model` is left as it is and shares all other weights with the result; a model that
 * has this form is returned itself. Throws MODEL_UNSUPPORTED below opset 7, MODEL_INVALID for a damaged model.
 */
export function normalizeConv(model: ModelProto): ModelProto {
  const { graph, opset } = soundModel(model);
  const padded = withPads(withExplicitPads(graph), opset);
  const normal = withGemms(padded);
  return normal === graph ? model : changed(model, { graph: withoutUnread(normal) });
}

const windowed: readonly string[] = ['Conv', 'MaxPool', 'AveragePool', 'LpPool'];

/** With numbers in the place of `auto_pad`. */
function withExplicitPads(graph: GraphProto): GraphProto {
  const sizes = fixedSizes(new OnnxGraph(graph, undefined));
  const node = graph.node.map((proto) => {
    if (plainDomain(proto.domain) !== '' || !windowed.includes(proto.opType)) return proto;
    if (!proto.attribute.some(({ name }) => name === 'auto_pad')) return proto;
    const pads = explicitPads(
      new OnnxNode(proto, undefined),
      proto.input.map((name) => sizes.get(name) ?? null),
    );
    if (pads === undefined) return proto;
    const kept = proto.attribute.filter(({ name }) => name !== 'auto_pad' && name !== 'pads');
    return changed(proto, { attribute: [...kept, ...(pads.some((size) => size !== 0) ? [listed('pads', pads)] : [])] });
  });
  return node.every((one, i) => one === graph.node[i]) ? graph : changed(graph, { node });
}

function explicitPads(node: OnnxNode, [input = null, weights = null]: readonly Sizes[]): readonly number[] | undefined {
  const mode = node.attributes.get('auto_pad');
  const kernel = integers(node, 'kernel_shape') ?? weights?.slice(2);
  if (kernel === undefined) return undefined;
  if (mode === 'NOTSET') return integers(node, 'pads') ?? kernel.flatMap(() => [0, 0]);
  if (mode === 'VALID') return kernel.flatMap(() => [0, 0]);
  if (mode !== 'SAME_UPPER' && mode !== 'SAME_LOWER') return undefined;
  const [strides, dilations] = [integers(node, 'strides'), integers(node, 'dilations')];
  const totals = kernel.map((window, axis) => {
    const size = input?.[axis + 2] ?? null;
    if (size === null || window === null) return undefined;
    const stride = strides?.[axis] ?? 1;
    const extent = (window - 1) * (dilations?.[axis] ?? 1) + 1;
    return Math.max(0, (Math.ceil(size / stride) - 1) * stride + extent - size);
  });
  if (!totals.every((total) => total !== undefined)) return undefined;
  const [less, more] = [totals.map((total) => Math.floor(total / 2)), totals.map((total) => Math.ceil(total / 2))];
  return mode === 'SAME_UPPER' ? [...less, ...more] : [...more, ...less];
}

/** With the zeros of Pad in the layers that read it. */
function withPads(graph: GraphProto, opset: number): GraphProto {
  const links = new GraphLinks(graph);
  const constants = constantsOf(graph);
  const node = graph.node.map((proto) => {
    const [from = ''] = proto.input;
    const pad = links.producer(from);
    if (plainDomain(proto.domain) !== '' || pad?.opType !== 'Pad' || plainDomain(pad.domain) !== '') return proto;
    const added = zerosAround(new OnnxNode(pad, undefined), opset, constants);
    const pads = added && padsWith(new OnnxNode(proto, undefined), added);
    if (pads === undefined) return proto;
    const kept = proto.attribute.filter(({ name }) => name !== 'pads' && name !== 'count_include_pad' && name !== 'auto_pad');
    const counted = proto.opType === 'AveragePool' ? [whole('count_include_pad', 1)] : [];
    return changed(proto, {
      input: [pad.input[0] as string, ...proto.input.slice(1)],
      attribute: [...kept, listed('pads', pads), ...counted],
    });
  });
  return node.every((one, i) => one === graph.node[i]) ? graph : changed(graph, { node });
}

/** What a Pad adds at the beginning and at the end of each axis but the first two; undefined where it adds anything but zeros there. */
function zerosAround(pad: OnnxNode, opset: number, constants: ConstantLookup): readonly number[] | undefined {
  if ((pad.attributes.get('mode') ?? 'constant') !== 'constant') return undefined;
  const input = (index: number): readonly number[] | undefined => {
    const data = constants(pad.inputs[index] ?? '')?.data;
    return data && Array.from(data, Number);
  };
  const isLeftOut = (index: number): boolean => (pad.inputs[index] ?? '') === '';
  const pads = opset < 11 ? integers(pad, 'pads') : input(1);
  const value = opset < 11 ? (pad.attributes.get('value') ?? 0) : isLeftOut(2) ? 0 : input(2)?.[0];
  // Which axes are meant can be told from opset 18 on.
  if (pads === undefined || value !== 0 || !isLeftOut(3)) return undefined;
  const rank = pads.length / 2;
  const [begin, end] = [pads.slice(0, rank), pads.slice(rank)];
  const isElsewhere = [...begin.slice(0, 2), ...end.slice(0, 2)].some((size) => size !== 0);
  return isElsewhere || pads.some((size) => size < 0) ? undefined : [...begin.slice(2), ...end.slice(2)];
}

/** The pads of a layer with zeros added around its input; undefined where that is not the same. */
function padsWith(node: OnnxNode, added: readonly number[]): readonly number[] | undefined {
  const autoPad = node.attributes.get('auto_pad') ?? 'NOTSET';
  if (autoPad !== 'NOTSET' && autoPad !== 'VALID') return undefined;
  const own = (autoPad === 'VALID' ? undefined : integers(node, 'pads')) ?? added.map(() => 0);
  if (own.length !== added.length) return undefined;
  const pads = own.map((size, i) => size + (added[i] as number));
  if (node.opType === 'Conv') return pads;
  if (node.opType !== 'AveragePool' || integer(node, 'ceil_mode', 0) !== 0) return undefined;
  const kernel = integers(node, 'kernel_shape') ?? [];
  const areAllCounted = integer(node, 'count_include_pad', 0) === 1 || own.every((size) => size === 0);
  // Engines refuse windows that lie in the padding alone.
  return areAllCounted && pads.every((size, i) => size < (kernel[i % kernel.length] as number)) ? pads : undefined;
}

function withGemms(graph: GraphProto): GraphProto {
  const around = {
    links: new GraphLinks(graph),
    constants: constantsOf(graph),
    names: new FreshNames(graph),
    ranks: rankLookup(graph),
  };
  const made: TensorProto[] = [];
  const gone = new Set<NodeProto>();
  const node = graph.node.flatMap((proto) => {
    const gemm = normalGemm(proto, around);
    if (gemm === undefined) return [proto];
    made.push(...gemm.made);
    if (gemm.instead !== undefined) gone.add(gemm.instead);
    return gemm.nodes;
  });
  if (node.every((one, i) => one === graph.node[i])) return graph;
  return changed(graph, { node: node.filter((one) => !gone.has(one)), initializer: [...graph.initializer, ...made] });
}

function rankLookup(graph: GraphProto): (name: string) => number | undefined {
  const sizes = fixedSizes(new OnnxGraph(graph, undefined));
  return (name) => sizes.get(name)?.length;
}

function listed(name: string, values: readonly number[]): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: values.map(BigInt) });
}

function whole(name: string, value: number): AttributeProto {
  return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
}
