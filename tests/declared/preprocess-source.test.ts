import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

import { AttributeProto_AttributeType as AttributeType } from '../../lib/graph/onnx_pb.js';
import { Preprocess, presets, type PreprocessOptions } from '../../lib/image/index.js';
import {
  Classifier,
  Detector,
  loadTask,
  Segmenter,
  type ClassifierOptions,
  type PreprocessSource,
} from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { averageColor, brightness, colorMap, DataType, integers, madeModel, node, type MadeModel } from '../tasks/made-models.js';

const root = mkdtempSync(join(tmpdir(), 'foveate-source-'));
afterAll(() => rmSync(root, { recursive: true }));

let folders = 0;

/** A fresh folder that holds these; gives the path of the model. */
function folder(model: Uint8Array, files: Readonly<Record<string, unknown>> = {}, modelName = 'model.onnx'): string {
  const base = join(root, String(folders++));
  for (const [name, content] of Object.entries({ ...files, [modelName]: model })) {
    const path = join(base, name);
    mkdirSync(dirname(path), { recursive: true });
    const isRaw = typeof content === 'string' || content instanceof Uint8Array;
    writeFileSync(path, isRaw ? content : JSON.stringify(content));
  }
  return join(base, modelName);
}

type Found = Partial<PreprocessOptions> & { source: PreprocessSource; labels: readonly string[]; labelSource: string };

async function classifier(model: string | URL | Uint8Array, options: ClassifierOptions = {}): Promise<Found> {
  await using loaded = await Classifier.load(model, options);
  const { preprocess, preprocessSource: source, labels, labelSource } = loaded;
  return { ...preprocess.options, source, labels, labelSource };
}

const free = averageColor({ input: ['n', 3, 'h', 'w'], metadata: {} });
const vit = { image_processor_type: 'ViTImageProcessor', size: { height: 32, width: 40 } };
const ofVit = { fit: 'stretch', width: 40, height: 32, mean: [0.5, 0.5, 0.5], source: 'preprocessor_config.json' };
const timm = {
  architecture: 'resnet',
  num_classes: 3,
  pretrained_cfg: { input_size: [3, 64, 64], crop_pct: 0.5, interpolation: 'bilinear', mean: [0.1, 0.2, 0.3], std: [1, 1, 1] },
};
const ofTimm = { fit: 'crop', width: 64, resizeEdge: 128, interpolation: 'bilinear-antialias', mean: [0.1, 0.2, 0.3] };
const ultralytics = { author: 'Ultralytics', task: 'classify', imgsz: '[48, 48]', names: "{0: 'a', 1: 'b', 2: 'c'}" };

describe('preprocessing', () => {
  it('comes from the file of Hugging Face beside the model', async () => {
    const path = folder(free, { 'preprocessor_config.json': vit });
    expect(await classifier(path)).toMatchObject(ofVit);
    expect(await classifier(pathToFileURL(path))).toMatchObject(ofVit);
  });

  it('comes from one folder up where the model lies in onnx/, and from no other', async () => {
    expect(await classifier(folder(free, { 'preprocessor_config.json': vit }, 'onnx/model.onnx'))).toMatchObject(ofVit);
    const other = folder(free, { 'preprocessor_config.json': vit }, 'models/model.onnx');
    expect(await classifier(other)).toMatchObject({ source: 'preset imagenet' });
    const both = folder(free, { 'preprocessor_config.json': {}, 'onnx/preprocessor_config.json': vit }, 'onnx/model.onnx');
    expect(await classifier(both)).toMatchObject(ofVit);
  });

  it("comes from timm's file, in each place that it is written to", async () => {
    const { pretrained_cfg, ...rest } = timm;
    const wrapped = { 'preprocessor_config.json': { image_processor_type: 'TimmWrapperImageProcessor', pretrained_cfg } };
    const inConfig = { ...ofTimm, source: 'config.json' };
    expect(await classifier(folder(free, { 'config.json': timm }))).toMatchObject(inConfig);
    expect(await classifier(folder(free, { 'config.json': { ...rest, ...pretrained_cfg } }))).toMatchObject(inConfig);
    expect(await classifier(folder(free, wrapped))).toMatchObject({ ...ofTimm, source: 'preprocessor_config.json' });
  });

  it('is what the user says, then the file, then the metadata, then a preset', async () => {
    const model = averageColor({ input: ['n', 3, 'h', 'w'], metadata: ultralytics });
    const path = folder(model, { 'preprocessor_config.json': vit });
    expect(await classifier(path, { preprocess: 'clip' })).toMatchObject({
      ...presets.clip,
      width: 48,
      height: 48,
      source: 'option',
      resizeEdge: 48,
    });
    const whole = new Preprocess({ width: 5, height: 6 });
    expect(await classifier(path, { preprocess: whole })).toMatchObject({ ...whole.options, source: 'option' });
    expect(await classifier(path)).toMatchObject(ofVit);
    expect(await classifier(path, { preprocess: { std: [2, 2, 2] } })).toMatchObject({ ...ofVit, std: [2, 2, 2] });
    expect(await classifier(model)).toMatchObject({
      fit: 'crop',
      width: 48,
      resizeEdge: 48,
      mean: [0, 0, 0],
      source: 'metadata',
    });
    expect(await classifier(free)).toMatchObject({ fit: 'crop', width: 224, resizeEdge: 256, source: 'preset imagenet' });
  });

  it("fits the file's to the input's size, layout and type", async () => {
    const pool = [node('GlobalAveragePool', 'wide', 'mean'), node('Flatten', 'mean', 'y')];
    const half = averageColor({
      input: [1, 16, 16, 3],
      output: [1, 3],
      inputType: DataType.FLOAT16,
      nodes: [
        node('Transpose', 'x', 'chw', { perm: [0, 3, 1, 2] }),
        node('Cast', 'chw', 'wide', { to: DataType.FLOAT }),
        ...pool,
      ],
    });
    const path = folder(half, { 'preprocessor_config.json': { image_processor_type: 'CLIPImageProcessor' } });
    expect(await classifier(path)).toMatchObject({ width: 16, resizeEdge: 16, fit: 'crop', layout: 'nhwc', dtype: 'float16' });
    const detr = folder(half, { 'preprocessor_config.json': { image_processor_type: 'DetrImageProcessor' } });
    expect(await classifier(detr)).toMatchObject({ width: 16, height: 16, fit: 'stretch' });
  });

  it('of an input that takes the size of each picture gives results of any', async () => {
    const detr = { image_processor_type: 'DetrImageProcessor', size: { shortest_edge: 20, longest_edge: 30 } };
    const path = folder(colorMap(), { 'preprocessor_config.json': detr });
    await using segmenter = await Segmenter.load(path);
    expect(segmenter.preprocess.options).toMatchObject({ fit: 'shortest-edge', resizeEdge: 20, longestEdge: 30 });
    const frame = (width: number, height: number) =>
      ({ data: new Uint8Array(width * height * 3).fill(200), width, height, format: 'rgb' }) as const;
    const [wide, tall] = await segmenter.segment([frame(100, 40), frame(30, 50)]);
    expect([wide?.width, wide?.height, tall?.width, tall?.height]).toEqual([100, 40, 30, 50]);
  });

  it('of a preset whose size depends on the picture is stretched to a fixed input', async () => {
    expect(await classifier(averageColor(), { preprocess: 'detr' })).toMatchObject({
      fit: 'stretch',
      width: 8,
      height: 8,
      mean: presets.detr.mean,
    });
    expect(await classifier(free, { preprocess: 'detr' })).toMatchObject({
      fit: 'shortest-edge',
      resizeEdge: 800,
      longestEdge: 1333,
    });
  });

  it('is told by detectors and segmenters too', async () => {
    const path = folder(brightness(), { 'preprocessor_config.json': { image_processor_type: 'SegformerImageProcessor' } });
    await using task = await loadTask(path);
    expect(task.preprocessSource).toBe('preprocessor_config.json');
    expect(task.preprocess.options).toMatchObject({ width: 16, mean: presets.imagenet.mean });
    await using plain = await Segmenter.load(brightness());
    expect(plain.preprocessSource).toBe('task');
  });
});

describe("Ultralytics' metadata", () => {
  const load = async (changes: Record<string, string>, model: Partial<MadeModel> = {}): Promise<Found> =>
    classifier(averageColor({ input: ['n', 3, 'h', 'w'], metadata: { ...ultralytics, ...changes }, ...model }));

  it('tells the size, by one number or two', async () => {
    expect(await load({ imgsz: '64' })).toMatchObject({ width: 64, height: 64, resizeEdge: 64 });
    expect(await load({ imgsz: '[32, 64]' })).toMatchObject({ fit: 'stretch', width: 64, height: 32, mean: [0, 0, 0] });
  });

  it('gives way to the size of the input', async () => {
    expect(await load({}, { input: ['n', 3, 8, 8] })).toMatchObject({ width: 8, height: 8, resizeEdge: 8, source: 'metadata' });
  });

  it('of others is not taken for theirs', async () => {
    expect(await load({ author: 'me' })).toMatchObject({ source: 'preset imagenet', resizeEdge: 55, width: 48 });
  });

  it('lets detectors letterbox, and RT-DETR stretch', async () => {
    const detections = (changes: Record<string, string>): Uint8Array =>
      madeModel({
        input: ['n', 3, 32, 32],
        output: ['n', 7, 21],
        nodes: [
          node('ReduceMean', 'x', 'mean', { axes: [1, 2, 3], keepdims: 1 }),
          node('Reshape', ['mean', 'three'], 'flat'),
          node('Expand', ['flat', 'shape'], 'y'),
        ],
        initializers: [integers('three', [-1, 1, 1]), integers('shape', [1, 7, 21])],
        metadata: { ...ultralytics, task: 'detect', ...changes },
      });
    for (const [changes, fit] of [
      [{}, 'letterbox'],
      [{ head: 'RTDETRDecoder' }, 'stretch'],
      [{ description: 'Ultralytics rtdetr-l model' }, 'stretch'],
    ] as const) {
      await using detector = await Detector.load(detections(changes));
      expect(detector.preprocess.options).toMatchObject({ fit, width: 32, scale: 1 / 255, interpolation: 'bilinear' });
      expect(detector.preprocessSource).toBe('metadata');
    }
  });
});

describe('a model that normalises by itself', () => {
  const constant = (name: string, values: number[]) => ({
    name,
    dims: [1n, BigInt(values.length), 1n, 1n],
    dataType: DataType.FLOAT,
    rawData: new Uint8Array(Float32Array.from(values).buffer),
  });
  /** A chain of operators, each with a constant, before what every classifier here does. */
  function model(...steps: [opType: string, ...values: number[]][]): Uint8Array {
    return averageColor({
      nodes: [
        ...steps.map(([opType], i) => node(opType, [`v${i}`, `c${i}`], `v${i + 1}`)),
        node('GlobalAveragePool', `v${steps.length}`, 'mean'),
        node('Flatten', 'mean', 'y'),
      ].map((one, i) => (i === 0 ? { ...one, input: ['x', ...(one.input ?? []).slice(1)] } : one)),
      initializers: steps.map(([, ...values], i) => constant(`c${i}`, values)),
    });
  }
  const pixels = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], source: 'graph' };
  const unit = { ...pixels, scale: 1 / 255 };
  const { mean, std } = presets.imagenet;

  it.each([
    ['a factor', [['Mul', 1 / 255]], pixels],
    [
      'a factor and an offset',
      [
        ['Mul', 1 / 127.5],
        ['Add', -1],
      ],
      pixels,
    ],
    [
      'a quotient, and mean and deviation',
      [
        ['Div', 255],
        ['Sub', ...mean],
        ['Div', ...std],
      ],
      pixels,
    ],
    [
      'mean and deviation in pixels',
      [
        ['Sub', 123.675, 116.28, 103.53],
        ['Div', 58.395, 57.12, 57.375],
      ],
      pixels,
    ],
    ['the mean of pixels alone', [['Sub', 123.68, 116.78, 103.94]], pixels],
    [
      'mean and deviation',
      [
        ['Sub', ...mean],
        ['Div', ...std],
      ],
      unit,
    ],
    [
      'a centre',
      [
        ['Mul', 2],
        ['Sub', 1],
      ],
      unit,
    ],
  ] as [string, [string, ...number[]][], object][])('with %s takes its values as it expects them', async (_, steps, expected) => {
    expect(await classifier(model(...steps))).toMatchObject(expected);
  });

  it('with a constant that is a node, behind a cast, does so too', async () => {
    const nodes = [
      {
        opType: 'Constant',
        output: ['c'],
        attribute: [{ name: 'value', type: AttributeType.TENSOR, t: { ...constant('', [255]), dims: [] } }],
      },
      node('Cast', 'x', 'wide', { to: DataType.FLOAT }),
      node('Div', ['wide', 'c'], 'a'),
      node('GlobalAveragePool', 'a', 'mean'),
      node('Flatten', 'mean', 'y'),
    ];
    expect(await classifier(averageColor({ nodes }))).toMatchObject(pixels);
  });

  it.each([
    ['what makes the values larger', [['Mul', 100]]],
    ['an offset alone', [['Add', 0.1]]],
    ['factors that do not go together', [['Mul', 1 / 255, 1, 1]]],
  ] as [string, [string, ...number[]][]][])('is not recognised by %s', async (_, steps) => {
    expect(await classifier(model(...steps))).toMatchObject({ source: 'preset imagenet', mean });
  });

  it('is no reason against what a file or the user says', async () => {
    const made = model(['Mul', 1 / 255]);
    expect(await classifier(folder(made, { 'preprocessor_config.json': vit }))).toMatchObject({
      source: 'preprocessor_config.json',
      scale: 1 / 255,
    });
    expect(await classifier(made, { preprocess: 'imagenet' })).toMatchObject({ source: 'option', mean });
    expect(await classifier(made, { preprocess: { mean: [9, 9, 9] } })).toMatchObject({
      source: 'graph',
      scale: 1,
      mean: [9, 9, 9],
    });
  });
});

describe('an input of integers', () => {
  const model = (inputType: DataType): Uint8Array =>
    averageColor({
      inputType,
      nodes: [
        node('Cast', 'x', 'wide', { to: DataType.FLOAT }),
        node('GlobalAveragePool', 'wide', 'mean'),
        node('Flatten', 'mean', 'y'),
      ],
    });
  const frame = { data: new Uint8Array(8 * 8 * 3).fill(200), width: 8, height: 8, format: 'rgb' } as const;

  it.each([
    [DataType.UINT8, 200],
    [DataType.INT8, 72],
  ])('takes pixels as they are (type %i)', async (type, value) => {
    for (const preprocess of [undefined, 'imagenet'] as const) {
      await using loaded = await Classifier.load(model(type), { preprocess, activation: 'none' });
      expect([...(await loaded.classify(frame)).scores]).toEqual([value, value, value]);
    }
  });

  it('takes what the user says', async () => {
    expect(await classifier(model(DataType.UINT8), { preprocess: { scale: 0.5 } })).toMatchObject({ scale: 0.5, dtype: 'uint8' });
  });
});

describe('labels', () => {
  const id2label = { 0: 'ant', 1: 'bee', 2: 'cat' };
  const config = { model_type: 'vit', id2label };

  it('come from config.json where neither the user nor the model names any', async () => {
    const named = { labels: ['ant', 'bee', 'cat'], labelSource: 'config' };
    expect(await classifier(folder(free, { 'config.json': config }))).toMatchObject(named);
    expect(await classifier(folder(free, { 'config.json': config }, 'onnx/model.onnx'))).toMatchObject(named);
    expect(await classifier(folder(free, { 'config.json': { ...timm, label_names: ['ant', 'bee', 'cat'] } }))).toMatchObject(
      named,
    );
    expect(await classifier(folder(averageColor(), { 'config.json': config }))).toMatchObject({ labelSource: 'metadata' });
    expect(await classifier(folder(free, { 'config.json': config }), { labels: ['x', 'y', 'z'] })).toMatchObject({
      labelSource: 'option',
    });
  });

  it('that are made up, or of another program, are not taken', async () => {
    const made = { model_type: 'vit', id2label: { 0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2' } };
    expect(await classifier(folder(free, { 'config.json': made }))).toMatchObject({ labelSource: 'numbers' });
    expect(await classifier(folder(free, { 'config.json': { port: 80, names: ['a'] } }))).toMatchObject({
      labelSource: 'numbers',
    });
  });

  it('tell a classifier from an embedding', async () => {
    await using task = await loadTask(folder(free, { 'config.json': config }));
    expect(task).toBeInstanceOf(Classifier);
    expectFailure(await rejectionOf(loadTask(folder(free))), 'MODEL_AMBIGUOUS', /class scores or an embedding/);
  });

  it('of another number than the classes are refused', async () => {
    const path = folder(free, { 'config.json': { ...config, id2label: { 0: 'a', 1: 'b' } } });
    expectFailure(await rejectionOf(Classifier.load(path)), 'LABELS_INVALID', /config\.json.*expected 3 .* received 2/, /labels/);
  });
});

describe('a file that cannot be used', () => {
  it.each([
    ['preprocessor_config.json', '{ "size": ', /preprocessor_config\.json": it is not JSON/],
    ['preprocessor_config.json', '[]', /expected a JSON object/],
    ['preprocessor_config.json', '', /not JSON/],
    ['config.json', '{,}', /config\.json": it is not JSON/],
    ['preprocessor_config.json', { image_processor_type: 'SamImageProcessor' }, /not known here, "SamImageProcessor"/],
  ])('%s holding %j is named, with the way around it', async (name, content, message) => {
    const path = folder(free, { [name]: content });
    expectFailure(await rejectionOf(Classifier.load(path)), 'PREPROCESS_INVALID', message, /option preprocess.*labels/);
    const around = await classifier(path, { preprocess: 'siglip', labels: ['a', 'b', 'c'] });
    expect(around).toMatchObject({ source: 'option', mean: [0.5, 0.5, 0.5] });
  });

  it('is a folder of that name: it is passed over', async () => {
    expect(await classifier(folder(free, { 'config.json/a': '', 'preprocessor_config.json/a': '' }))).toMatchObject({
      source: 'preset imagenet',
    });
  });

  it('does not matter to a model that is given as bytes', async () => {
    expect(await classifier(free)).toMatchObject({ source: 'preset imagenet', labelSource: 'numbers' });
  });
});
