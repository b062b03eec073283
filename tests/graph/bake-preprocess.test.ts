/** Models with their preprocessing inside, fed with bytes, beside the same models fed with what Preprocess makes of the same picture. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { bakePreprocess, freeBatch, parseModel, type BakedPreprocess, type ModelProto } from '../../lib/graph/index.js';
import { ModelProtoSchema, NodeProtoSchema, ValueInfoProtoSchema } from '../../lib/graph/onnx_pb.js';
import { Preprocess, type PreprocessOptions } from '../../lib/image/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { example } from '../session/fixtures.js';
import {
  choice,
  DataType,
  difference,
  graphModel,
  inputsOf,
  integers,
  node,
  run,
  stacked,
  value,
  weights,
  type MadeGraph,
} from './made-graphs.js';
import { folders, modelPath } from './models.js';

const missing = !existsSync(folders.shared);
if (missing) console.warn(`SKIPPED: there is no ${folders.shared}, so preprocessing is baked into example models only`);

/** What tells `Preprocess` to leave to the model what is in it now. */
const overrides = { layout: 'nhwc', dtype: 'uint8', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;
const picture = example('pictures/cross.jpg');
const read = (file: string): ModelProto => parseModel(new Uint8Array(readFileSync(file))).proto;

function baked({ scale, mean, std, layout }: PreprocessOptions): BakedPreprocess {
  return { scale, mean, std, layout };
}

async function pictureTensor(preprocess: Preprocess): Promise<Tensor> {
  const { tensor } = await preprocess.run(picture);
  return new Tensor(tensor.dtype, tensor.data as never, [1, ...tensor.dims]);
}

/** The largest difference of the outputs, in proportion. */
async function checkBaked(model: ModelProto, preprocess: Preprocess): Promise<number> {
  const before = toBinary(ModelProtoSchema, model);
  const changed = bakePreprocess(model, baked(preprocess.options));
  expect(Buffer.compare(toBinary(ModelProtoSchema, model), before), 'the model is left as it is').toBe(0);
  expect(changed.graph?.initializer).toBe(model.graph?.initializer);
  const name = inputsOf(model).find(({ shape }) => shape?.length === 4)?.name as string;
  const bytes = preprocess.with(overrides);
  const input = inputsOf(changed).find((one) => one.name === name);
  const [height, width, channels] = bytes.shape as readonly number[];
  expect(input?.dtype).toBe('uint8');
  expect(input?.shape?.slice(1)).toEqual([height, width, channels]);

  const expected = await run(model, { [name]: await pictureTensor(preprocess) });
  const received = await run(changed, { [name]: await pictureTensor(bytes) });
  expect(Object.keys(received)).toEqual(Object.keys(expected));
  return Math.max(...Object.entries(expected).map(([output, result]) => difference(received[output] as never, result)));
}

/** The same model with channels last. */
function channelsLast(model: ModelProto): ModelProto {
  const { graph } = model;
  const input = graph?.input.find(({ name }) => name === inputsOf(model)[0]?.name);
  const [n, c, h, w] = inputsOf(model)[0]?.shape as (number | string)[];
  const nodes = [
    create(NodeProtoSchema, node('Transpose', input?.name as string, 'channels first', { perm: [0, 3, 1, 2] })),
    ...(graph?.node ?? []).map((one) =>
      create(NodeProtoSchema, { ...one, input: one.input.map((name) => (name === input?.name ? 'channels first' : name)) }),
    ),
  ];
  const inputs = (graph?.input ?? []).map((one) =>
    one === input ? create(ValueInfoProtoSchema, value(one.name, [n, h, w, c] as number[])) : one,
  );
  return create(ModelProtoSchema, { ...model, graph: { ...graph, node: nodes, input: inputs } as never });
}

const imagenet = Preprocess.preset('imagenet');
const models: readonly (readonly [string, Preprocess])[] = [
  ['examples/shapes-classifier', Preprocess.preset('imagenet', { fit: 'stretch', width: 96, height: 96 })],
  ['examples/shapes-detector', Preprocess.preset('yolo', { width: 256, height: 256 })],
  ['examples/shapes-segmenter', Preprocess.preset('imagenet', { fit: 'stretch', width: 128, height: 128 })],
  ['shared/mobilenetv2_fp32', imagenet],
  ['shared/mobilefacenet_112', Preprocess.preset('scrfd', { width: 112, height: 112 })],
  ['shared/ultraface_rfb_320', Preprocess.preset('ssd', { width: 320, height: 240 })],
  ['shared/yolov8n_fp32', Preprocess.preset('yolo')],
  ['shared/yolox_nano_416', Preprocess.preset('yolox', { width: 416, height: 416 })],
  ['shared/prisma_portrait_seg_256', Preprocess.preset('siglip', { width: 256, height: 256 })],
];

function modelOf(name: string): ModelProto {
  const [group, file] = name.split('/') as [string, string];
  return read(group === 'shared' ? modelPath('shared', `${file}.onnx`) : path.join(example('models'), `${file}.onnx`));
}

describe.each(models)('%s', (name, preprocess) => {
  const skipped = missing && name.startsWith('shared/');

  it.skipIf(skipped)('gives the same of bytes as of floats', async () => {
    expect(await checkBaked(modelOf(name), preprocess)).toBeLessThanOrEqual(1e-5);
  });

  it.skipIf(skipped)('does so with channels last', async () => {
    expect(await checkBaked(channelsLast(modelOf(name)), preprocess.with({ layout: 'nhwc' }))).toBeLessThanOrEqual(1e-5);
  });
});

it.skipIf(missing).each(['mobilenetv2_dynq_int8', 'yolov8n_dynq_int8'])(
  'shared/%s takes bytes too, but for what its scales round',
  async (name) => {
    // They are taken from the input, so that its last bit decides which way a value is rounded.
    const preprocess = name.startsWith('yolo') ? Preprocess.preset('yolo') : imagenet;
    expect(await checkBaked(modelOf(`shared/${name}`), preprocess)).toBeLessThanOrEqual(0.02);
  },
);

const grey = { fit: 'stretch', width: 6, height: 4, color: 'grey', mean: [0.3, 0, 0], std: [0.2, 1, 1] } as const;

describe('what is put in front', () => {
  const graph: MadeGraph = { inputs: { x: ['n', 3, 4, 6] }, nodes: [node('Relu', 'x', 'y')] };
  const plain: BakedPreprocess = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], layout: 'nchw' };
  const operators = (model: ModelProto): string[] => (model.graph?.node ?? []).map(({ opType }) => opType);

  it.each([
    ['nothing but types and order', {}, ['Cast', 'Transpose', 'Relu']],
    ['a scale', { scale: 1 / 255 }, ['Cast', 'Constant', 'Mul', 'Transpose', 'Relu']],
    ['a mean', { mean: [1, 2, 3] }, ['Cast', 'Constant', 'Add', 'Transpose', 'Relu']],
    [
      'a mean of some channels',
      { mean: [0, 0, 3], std: [2, 1, 1] },
      ['Cast', 'Constant', 'Mul', 'Constant', 'Add', 'Transpose', 'Relu'],
    ],
    ['a scale that the deviation takes back', { scale: 2, std: [2, 2, 2] }, ['Cast', 'Transpose', 'Relu']],
    ['channels last', { layout: 'nhwc' }, ['Cast', 'Relu'], ['n', 4, 6, 3]],
  ] as const)('%s', (_, options, expected, shape: readonly (number | string)[] = ['n', 3, 4, 6]) => {
    const model = graphModel({ ...graph, inputs: { x: shape } });
    const made = bakePreprocess(model, { ...plain, ...options } as BakedPreprocess);
    expect(operators(made)).toEqual(expected);
    expect(inputsOf(made)[0]).toEqual({ name: 'x', kind: 'tensor', dtype: 'uint8', shape: ['n', 4, 6, 3] });
  });

  it('is in float16 where the model wants that', async () => {
    const half = value('x', [1, 3, 4, 6], DataType.FLOAT16);
    const model = graphModel({
      inputs: { x: half },
      nodes: [node('Relu', 'x', 'y')],
      outputs: [value('y', undefined, DataType.FLOAT16)],
    });
    const preprocess = new Preprocess({ width: 6, height: 4, dtype: 'float16', mean: [0.1, 0.2, 0.3], std: [0.5, 0.5, 0.5] });
    // The last bit of a float16.
    expect(await checkBaked(model, preprocess)).toBeLessThanOrEqual(2 ** -11);
  });

  it('takes the first of three means for grey pictures', async () => {
    const model = graphModel({ ...graph, inputs: { x: ['n', 1, 4, 6] } });
    expect(await checkBaked(model, new Preprocess(grey))).toBeLessThanOrEqual(1e-6);
    const last = graphModel({ ...graph, inputs: { x: ['n', 4, 6, 1] } });
    expect(await checkBaked(last, new Preprocess({ ...grey, layout: 'nhwc' }))).toBeLessThanOrEqual(1e-6);
  });

  it('has names of its own, and old opsets and formats', async () => {
    const model = graphModel({
      inputs: { x: [1, 3, 4, 6], 'x/Cast': [1, 3, 4, 6] },
      nodes: [node('Add', ['x', 'x'], 'x/Mul'), { ...node('Relu', 'x/Mul', 'y'), name: 'x/Transpose' }],
      opset: 7,
      irVersion: 3,
    });
    expect(() => bakePreprocess(model, plain)).toThrow('2 of its inputs have four axes');
    const one = graphModel({
      inputs: { x: [1, 3, 4, 6] },
      nodes: [node('Add', ['x', 'x'], 'x/Mul'), { ...node('Relu', 'x/Mul', 'y'), name: 'x/Transpose' }],
      opset: 7,
      irVersion: 3,
    });
    const preprocess = new Preprocess({ width: 6, height: 4 });
    expect(await checkBaked(one, preprocess)).toBeLessThanOrEqual(1e-6);
    const names = bakePreprocess(one, baked(preprocess.options)).graph?.node.map((own) => own.name) ?? [];
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('x/Transpose_2');
  });

  it('reaches graphs within the graph', async () => {
    const model = graphModel({
      inputs: { x: [1, 3, 4, 6] },
      nodes: [
        node('ReduceMax', 'x', 'most', { keepdims: 0 }),
        node('Cast', 'most', 'c', { to: DataType.BOOL }),
        choice('c', 'y', node('Neg', 'x', 'a'), node('Abs', 'x', 'b')),
      ],
    });
    expect(await checkBaked(model, new Preprocess({ width: 6, height: 4 }))).toBeLessThanOrEqual(1e-6);
  });

  it('goes together with a free batch, in either order', async () => {
    const model = graphModel({
      inputs: { x: [1, 3, 4, 6] },
      nodes: [node('Reshape', ['x', 'list'], 'r'), node('MatMul', ['r', 'w'], 'y')],
      constants: [integers('list', [1, 72]), weights('w', [72, 5])],
      outputs: [value('y', [1, 5])],
    });
    const preprocess = new Preprocess({ width: 6, height: 4, mean: [0.1, 0.2, 0.3] });
    const options = baked(preprocess.options);
    const bytes = await pictureTensor(preprocess.with(overrides));
    const single = await run(bakePreprocess(model, options), { x: bytes });
    for (const both of [freeBatch(bakePreprocess(model, options)), bakePreprocess(freeBatch(model), options)]) {
      expect(inputsOf(both)[0]).toMatchObject({ dtype: 'uint8', shape: ['batch', 4, 6, 3] });
      const { y } = await run(both, { x: stacked([bytes, bytes]) });
      expect(y?.dims).toEqual([2, 5]);
      const values = [...(single['y']?.values ?? []), ...(single['y']?.values ?? [])];
      expect(difference(y as never, { dims: [], values })).toBeLessThanOrEqual(1e-6);
    }
  });

  it.each([
    ['no input with four axes', { inputs: { x: [1, 3, 4] } }, 'none of its inputs have four axes'],
    ['an input of any rank', { inputs: { x: value('x', undefined) } }, 'none of its inputs have four axes'],
    ['bytes already', { inputs: { x: value('x', [1, 3, 4, 6], DataType.UINT8) } }, 'takes uint8, not float32 or float16'],
    ['doubles', { inputs: { x: value('x', [1, 3, 4, 6], DataType.DOUBLE) } }, 'takes float64, not float32 or float16'],
    ['four channels', { inputs: { x: [1, 4, 4, 6] } }, 'has 4 channels in the layout nchw'],
    ['a free number of channels', { inputs: { x: [1, 'c', 4, 6] } }, 'has c channels in the layout nchw'],
    ['channels last where they are said to come first', { inputs: { x: [1, 4, 6, 3] } }, 'has 4 channels in the layout nchw'],
    ['an old opset', { inputs: { x: [1, 3, 4, 6] }, opset: 6 }, 'it has opset 6'],
    ['an input that is an output', { inputs: { x: [1, 3, 4, 6] }, outputs: ['x'] }, 'its input "x" is an output too'],
  ] as const)('refuses %s', (_, changes, reason) => {
    const model = graphModel({ ...graph, ...(changes as Partial<MadeGraph>) });
    expect(() => bakePreprocess(model, plain)).toThrow(
      expect.objectContaining({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining(reason) }) as Error,
    );
  });

  it('refuses two inputs of the same name', () => {
    const model = graphModel(graph);
    model.graph?.input.push(...graphModel(graph).graph!.input);
    expect(() => bakePreprocess(model, plain)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }) as Error);
    expect(() => freeBatch(model)).toThrow('two of its inputs have the name "x"');
  });

  it.each([
    [undefined, 'INVALID_ARGUMENT'],
    [{ ...plain, std: [1, 0, 1] }, 'INVALID_ARGUMENT'],
    [{ ...plain, mean: [1] }, 'INVALID_ARGUMENT'],
    [{ ...plain, scale: NaN }, 'INVALID_ARGUMENT'],
    [{ ...plain, layout: 'chw' }, 'INVALID_ARGUMENT'],
    [{ ...plain, color: 'bgr' }, 'UNKNOWN_OPTION'],
  ])('refuses the options %j', (options, code) => {
    expect(() => bakePreprocess(graphModel(graph), options as BakedPreprocess)).toThrow(
      expect.objectContaining({ code }) as Error,
    );
  });
});
