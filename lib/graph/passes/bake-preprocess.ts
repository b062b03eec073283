import { checkNumber, checkOneOf, checkOptions, invalidArgument, ModelError } from '../../errors/index.js';
import { TensorProto_DataType as DataType, type ModelProto, type NodeProto, type ValueInfoProto } from '../onnx_pb.js';
import type { ValueInfo } from '../value-info.js';
import { changed } from './changed.js';
import { floats, madeNode } from './made-nodes.js';
import { FreshNames } from './names.js';
import { soundModel } from './sound-model.js';
import { renamedReads } from './subgraphs.js';

/** What of `PreprocessOptions` the model takes over: each value is `(pixel * scale - mean[c]) / std[c]`. */
export interface BakedPreprocess {
  readonly scale: number;
  /** In the model's order of channels; of a model for grey pictures the first ones count. */
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  /** Of the model as it is. Baked it takes [N, H, W, C]. */
  readonly layout: 'nchw' | 'nhwc';
}

/**
 * The same model with its normalisation inside: its picture input, of the same name, takes the pixels as uint8 `[N, H, W, C]`, a quarter of the bytes.
 * Colours stay in the model's own order. Pictures for it come from the model's `Preprocess` with
 *
 *     { layout: 'nhwc', dtype: 'uint8', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] }
 *
 * The input is the only one with four axes, float32 or float16, with 1 or 3 channels. `model` is left as it is and shares its weights with the result.
 *
 * Throws INVALID_ARGUMENT or UNKNOWN_OPTION; MODEL_UNSUPPORTED where there is no such input, and below opset 7; MODEL_INVALID for a damaged model.
 */
export function bakePreprocess(model: ModelProto, options: BakedPreprocess): ModelProto {
  checkBaked(options);
  const { graph, model: read } = soundModel(model);
  const input = pictureInput(read.inputs);
  const { name } = input;
  if (graph.output.some((output) => output.name === name))
    throw unsupported(`its input ${JSON.stringify(name)} is an output too`);
  const steps = preprocessing(input, options, new FreshNames(graph));
  const renaming = new Map([[name, steps.at(-1)?.output[0] as string]]);
  return changed(model, {
    graph: changed(graph, {
      input: graph.input.map((value) => (value.name === name ? pixels(value, options.layout) : value)),
      node: [...steps, ...graph.node.map((node) => renamedReads(node, renaming))],
      valueInfo: graph.valueInfo.filter((value) => value.name !== name),
    }),
  });
}

function checkBaked(options: BakedPreprocess): void {
  if (options === undefined) throw invalidArgument('bakePreprocess options', 'an object of options', options);
  checkOptions('bakePreprocess options', options, ['scale', 'mean', 'std', 'layout']);
  checkNumber('scale', options.scale, -1e6, 1e6);
  checkOneOf('layout', options.layout, ['nchw', 'nhwc']);
  for (const name of ['mean', 'std'] as const) {
    const values: unknown = options[name];
    if (!Array.isArray(values) || values.length !== 3) throw invalidArgument(name, 'an array of three numbers', values);
    values.forEach((value, i) => checkNumber(`${name}[${i}]`, value, -1e6, 1e6));
  }
  const zero = options.std.indexOf(0);
  if (zero >= 0) throw invalidArgument(`std[${zero}]`, 'a number other than 0', 0);
}

interface PictureInput {
  readonly name: string;
  readonly dtype: 'float32' | 'float16';
  readonly shape: ValueInfo['shape'];
}

function pictureInput(inputs: readonly ValueInfo[]): PictureInput {
  const pictures = inputs.filter(({ kind, shape }) => kind === 'tensor' && shape?.length === 4);
  const [input] = pictures;
  if (input === undefined || pictures.length > 1) {
    throw unsupported(`${pictures.length === 0 ? 'none' : pictures.length} of its inputs have four axes, where one should`);
  }
  const { name, dtype, shape } = input;
  if (dtype !== 'float32' && dtype !== 'float16')
    throw unsupported(`its input ${JSON.stringify(name)} takes ${dtype}, not float32 or float16`);
  return { name, dtype, shape };
}

/** The nodes from the pixels to what the model took before. */
function preprocessing({ name, dtype, shape }: PictureInput, options: BakedPreprocess, names: FreshNames): NodeProto[] {
  const { scale, mean, std, layout } = options;
  const channels = shape?.[layout === 'nchw' ? 1 : 3];
  if (channels !== 1 && channels !== 3) {
    throw unsupported(
      `its input ${JSON.stringify(name)} has ${channels ?? 'unknown'} channels in the layout ${layout}, not 1 or 3`,
    );
  }
  const nodes: NodeProto[] = [];
  let value = name;
  const add = (
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, number | readonly number[]>> = {},
  ): void => {
    const node = madeNode(opType, [value, ...inputs], names.fresh(`${name}/${opType}`), attributes);
    nodes.push(node);
    value = node.output[0] as string;
  };
  const addForEach = (opType: 'Mul' | 'Add', values: readonly number[], neutral: number): void => {
    const own = values.slice(0, channels).map(Math.fround);
    if (own.every((each) => each === neutral)) return;
    const node = floats(own, names.fresh(`${name}/${opType}/values`));
    nodes.push(node);
    add(opType, node.output);
  };
  // Cast first: TensorRT takes uint8 as an input, and does nothing else with it.
  add('Cast', [], { to: DataType.FLOAT });
  addForEach(
    'Mul',
    std.map((deviation) => scale / deviation),
    1,
  );
  addForEach(
    'Add',
    std.map((deviation, c) => -(mean[c] as number) / deviation),
    0,
  );
  if (dtype === 'float16') add('Cast', [], { to: DataType.FLOAT16 });
  if (layout === 'nchw') add('Transpose', [], { perm: [0, 3, 1, 2] });
  return nodes;
}

/** The axes of the model's input in the order in which the baked one has them. */
export const pixelAxes: Readonly<Record<BakedPreprocess['layout'], readonly number[]>> = {
  nchw: [0, 2, 3, 1],
  nhwc: [0, 1, 2, 3],
};

/** The input of so many pixels, as bytes, channels last. */
function pixels(input: ValueInfoProto, layout: BakedPreprocess['layout']): ValueInfoProto {
  const { type } = input;
  if (type?.value.case !== 'tensorType') return input;
  const { shape } = type.value.value;
  const dim = pixelAxes[layout].flatMap((axis) => shape?.dim[axis] ?? []);
  const tensor = changed(type.value.value, { elemType: DataType.UINT8, ...(shape && { shape: changed(shape, { dim }) }) });
  return changed(input, { type: changed(type, { value: { case: 'tensorType', value: tensor } }) });
}

function unsupported(reason: string, hint = 'Keep the preprocessing outside of this model.'): ModelError {
  return new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected a model with one picture input but ${reason}`,
    hint,
    details: { reason },
  });
}
