/** Tasks open the bundle of an optimised model as they open its form, and are told by it what files would have to say. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { bundleContent, makeModelBundle, asItWas } from '../engine/made-model-bundle.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { example } from '../session/fixtures.js';
import type { ModelBundle, ModelBundleContent } from '../../lib/engine/index.js';
import { encodeModel } from '../../lib/graph/index.js';
import { Preprocess } from '../../lib/image/index.js';
import {
  bundledTask,
  Classifier,
  DensePredictor,
  Detector,
  Embedder,
  loadTask,
  Segmenter,
  type LoadTaskOptions,
  type Task,
} from '../../lib/tasks/index.js';
import { DataType, graphModel, node as graphNode, scales, value } from '../graph/made-graphs.js';
import { averageColor, brightness, colorMap, constantModel, madeModel, node, type ConstantOutput } from './made-models.js';

let folder: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-task-bundle-'));
  output = join(folder, 'model.bundle');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const picture = example('pictures/circle.jpg');
const frame = { data: Uint8Array.from({ length: 300 }, (_, i) => (i * 7) % 256), width: 10, height: 10, format: 'rgb' } as const;

function file(bytes: Uint8Array, name = 'model.onnx'): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** A bundle of the model of a file, as `foveate optimize` makes it of the model that was opened with these options. */
async function bundleOf(
  path: string,
  options: LoadTaskOptions = {},
  change: Partial<ModelBundleContent> = {},
): Promise<ModelBundle> {
  await using task = await loadTask(path, options);
  return makeModelBundle(output, path, { ...bundledTask(task, options), ...change });
}

const unchanged = (path: string): Pick<ModelBundleContent, 'forms'> => ({
  forms: { onnxruntime: asItWas(path), tensorrt: asItWas(path) },
});

/** All that a task finds, as JSON. */
async function found(task: Task, image: string | typeof frame): Promise<unknown> {
  const result =
    task instanceof Classifier
      ? await task.classify(image)
      : task instanceof Detector
        ? await task.detect(image, { scoreThreshold: 0.01 })
        : task instanceof Segmenter
          ? await task.segment(image)
          : task instanceof Embedder
            ? await task.embed(image)
            : await task.predict(image);
  return JSON.parse(JSON.stringify(result), (key, value: unknown) => (key === 'timing' ? undefined : value));
}

describe('a bundle gives what its form gives with the same preprocessing and labels', () => {
  it.each(['classifier', 'detector', 'segmenter'])('as a %s', async (name) => {
    const path = example(`models/shapes-${name}.onnx`);
    const bundle = await bundleOf(path);
    await using source = await loadTask(path);
    await using opened = await loadTask(output);
    const { preprocess } = source;
    const { labels } = source as Detector;
    await using byHand = await loadTask(bundle.form('onnxruntime'), { preprocess: new Preprocess(preprocess.options), labels });
    expect(opened.constructor).toBe(source.constructor);
    expect(opened.preprocess.options).toEqual(preprocess.options);
    expect(opened.preprocessSource).toBe('bundle');
    expect(opened).toMatchObject({ labels, labelSource: 'bundle' });
    for (const fact of ['head', 'activation', 'background'] as const)
      expect(opened[fact as never]).toEqual(source[fact as never]);
    const results = await found(opened, picture);
    expect(results).toEqual(await found(byHand, picture));
    expect(results).not.toEqual(await found(source, picture)); // it is the model in eight bits that ran
  });

  it('as an embedder and a dense predictor', async () => {
    const clip = { preprocess: 'clip' } as const;
    const embedder = file(averageColor());
    await bundleOf(embedder, { task: 'embed', ...clip }, unchanged(embedder));
    await using embeds = await loadTask(output);
    await using embedsByHand = await Embedder.load(embedder, clip);
    expect(embeds.preprocess.options).toEqual(embedsByHand.preprocess.options);
    expect(await found(embeds, frame)).toEqual(await found(embedsByHand, frame));
    expect(embeds).toBeInstanceOf(Embedder);
    await using byName = await Embedder.load(output);
    expect(byName.preprocessSource).toBe('bundle');

    const depth = file(brightness());
    const options = { scaling: 'min-max', interpolation: 'bicubic' } as const;
    await bundleOf(depth, { task: 'dense', ...options }, unchanged(depth));
    await using dense = (await loadTask(output)) as DensePredictor;
    await using denseByHand = await DensePredictor.load(depth, options);
    expect(dense).toBeInstanceOf(DensePredictor);
    expect(dense).toMatchObject(options);
    expect(await found(dense, frame)).toEqual(await found(denseByHand, frame));
  });

  it('with class names that nobody gave made up again', async () => {
    const path = file(brightness());
    const bundle = await bundleOf(path, { task: 'segment' }, unchanged(path));
    expect(bundle.manifest.labels).toBeUndefined();
    await using opened = await Segmenter.load(output);
    expect(opened).toMatchObject({ labels: ['background', 'foreground'], labelSource: 'binary', background: 0 });
    await using numbered = await Segmenter.load(file(colorMap({ metadata: {} })));
    expect(numbered.labelSource).toBe('numbers');
    const of = bundledTask(numbered);
    expect(of.labels).toBeUndefined();
    expect(of.task).toMatchObject({ name: 'segment', options: { background: 0 } });
  });
});

describe('what a bundle says', () => {
  const path = example('models/shapes-classifier.onnx');

  it('is changed by options', async () => {
    await bundleOf(path);
    await using bundle = await Classifier.load(output);
    const { preprocess: base, labels } = bundle;
    await using changed = await Classifier.load(output, { preprocess: { color: 'bgr' }, activation: 'sigmoid' });
    expect(changed.preprocess.options).toEqual({ ...base.options, color: 'bgr' });
    expect(changed).toMatchObject({ preprocessSource: 'bundle', activation: 'sigmoid' });
    const names = labels.map((label) => label.toUpperCase());
    await using named = await Classifier.load(output, { labels: names, preprocess: 'clip' });
    expect(named).toMatchObject({ labels: names, labelSource: 'option', preprocessSource: 'option' });
    expect(named.preprocess.options.mean).toEqual(Preprocess.preset('clip').options.mean);
    await using other = await loadTask(output, { task: 'embed' });
    expect(other).toBeInstanceOf(Embedder);
    expectFailure(await rejectionOf(loadTask(output, { head: 'yolov8' })), 'UNKNOWN_OPTION', /head is for a detector/);
  });

  it('counts before the metadata of the form, and before files beside either', async () => {
    const { labels: own } = await closed(path);
    const labels = own.map((label) => `a ${label}`);
    const preprocess = { ...Preprocess.preset('siglip').options, width: 96, height: 96 };
    const bundle = await bundleOf(path, { labels }, { preprocess });
    const config = JSON.stringify({ model_type: 'vit', id2label: Object.fromEntries(own.map((_, id) => [id, `id ${id}`])) });
    const processor = JSON.stringify({ image_processor_type: 'ViTImageProcessor', size: 96 });
    for (const place of [folder, output, join(bundle.form('onnxruntime'), '..')]) {
      writeFileSync(join(place, 'config.json'), config);
      writeFileSync(join(place, 'preprocessor_config.json'), processor);
    }
    await using opened = await Classifier.load(output);
    expect(opened).toMatchObject({ labels, labelSource: 'bundle', preprocessSource: 'bundle' });
    expect(opened.preprocess.options).toEqual(preprocess);
  });

  it('of the input counts as a whole, whatever is usual for its type', async () => {
    const pixels = file(averageColor({ inputType: DataType.UINT8, nodes: pixelNodes }));
    const preprocess = new Preprocess({ dtype: 'uint8', scale: 0.5, width: 8, height: 8 });
    await bundleOf(pixels, { task: 'classify', preprocess }, unchanged(pixels));
    await using opened = await Classifier.load(output);
    expect(opened.preprocess.options).toEqual(preprocess.options);
  });

  it('is refused where it does not fit the form', async () => {
    await bundleOf(path, {}, { labels: ['one'] });
    expectFailure(await rejectionOf(Classifier.load(output)), 'LABELS_INVALID', /manifest\.json.*expected 6/);
    await bundleOf(path, {}, { preprocess: Preprocess.preset('imagenet').options });
    expectFailure(
      await rejectionOf(Classifier.load(output)),
      'INVALID_ARGUMENT',
      /Expected preprocessing to float32 nchw \[3, 96, 96\]/,
    );
    await bundleOf(path, {}, { task: { name: 'chess', options: {}, outputs: {} } });
    expectFailure(await rejectionOf(loadTask(output)), 'BUNDLE_INVALID', /names the task "chess"/);
  });

  it('need not be what the model is for', async () => {
    await makeModelBundle(output, path, bundleContent(path, { preprocess: (await closed(path)).preprocess.options }));
    await using opened = await loadTask(output);
    expect(opened).toBeInstanceOf(Classifier);
    expect(opened).toMatchObject({ preprocessSource: 'bundle', labelSource: 'metadata' });
  });

  it('of options that are not of the task is left alone', async () => {
    const task = { name: 'classify', options: { activation: 'none', threads: -1, preprocess: 3, head: 'yolov8' }, outputs: {} };
    await bundleOf(path, {}, { task });
    await using opened = await Classifier.load(output);
    expect(opened.activation).toBe('none');
    expect(opened.preprocessSource).toBe('bundle');
  });
});

/** Averages pixels. */
const pixelNodes = [
  node('Cast', 'x', 'float', { to: DataType.FLOAT }),
  node('GlobalAveragePool', 'float', 'mean'),
  node('Flatten', 'mean', 'y'),
];

async function closed(path: string): Promise<Classifier> {
  const task = await Classifier.load(path);
  await task.dispose();
  return task;
}

describe('what the graph told of its outputs', () => {
  /** Class scores of three colours, with these nodes at their end. */
  const ending = (...nodes: ReturnType<typeof node>[]): string =>
    file(
      madeModel({
        input: ['n', 3, 8, 8],
        output: ['n', 3],
        nodes: [node('GlobalAveragePool', 'x', 'p'), node('Flatten', 'p', 'f'), ...nodes],
      }),
    );

  it('is kept, for forms that tell something else', async () => {
    const path = ending(node('Softmax', 'f', 'y'));
    const told = await bundleOf(path, { task: 'classify' });
    expect(told.manifest.task).toEqual({
      name: 'classify',
      options: { activation: 'none' },
      outputs: { y: { operator: 'Softmax', boxDecoding: null } },
    });
    const other = ending(node('Identity', 'f', 'g'), node('Relu', 'g', 'y'));
    const { outputs } = told.manifest.task!;
    await makeModelBundle(output, other, {
      ...unchanged(other),
      preprocess: told.manifest.preprocess,
      task: { name: 'classify', options: {}, outputs },
    });
    await using opened = await Classifier.load(output);
    expect(opened.activation).toBe('none');
    await using plain = await Classifier.load(other);
    expect(plain.activation).toBe('softmax');
  });

  it('is told of a plain file too whose scores are quantised after their activation', async () => {
    const zero = { name: 'zero', dims: [], dataType: DataType.UINT8, rawData: Uint8Array.of(0) };
    const model = graphModel({
      inputs: { x: ['n', 3, 8, 8] },
      nodes: [
        graphNode('GlobalAveragePool', 'x', 'p'),
        graphNode('Flatten', 'p', 'f'),
        graphNode('Softmax', 'f', 's'),
        graphNode('QuantizeLinear', ['s', 'scale', 'zero'], 'q'),
        graphNode('DequantizeLinear', ['q', 'scale', 'zero'], 'y'),
      ],
      outputs: [value('y', ['n', 3])],
      constants: [{ ...scales('scale', [1 / 255]), dims: [] }, zero],
    });
    await using opened = await Classifier.load(file(encodeModel(model)));
    expect(opened.activation).toBe('none');
  });
});

describe('a detector of a bundle', () => {
  it('has the head that was named, with what it needs', async () => {
    const detector = example('models/shapes-detector.onnx');
    const bundle = await bundleOf(detector);
    await using source = await Detector.load(detector);
    expect(bundle.manifest.task).toMatchObject({ name: 'detect', options: { head: source.head } });
    const outputs = Object.values(bundle.manifest.task?.outputs ?? {});
    expect(outputs).toHaveLength(source.session.outputs.length);
    expect(JSON.parse(readFileSync(join(output, 'manifest.json'), 'utf8'))).toEqual(bundle.manifest);
  });

  const values = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => ((i * 37) % 64) / 64);
  const kinds: Readonly<Record<string, readonly [readonly ConstantOutput[], LoadTaskOptions]>> = {
    'with a class more than names': [
      [
        { name: 'dets', shape: [1, 5, 4], values: values(20) },
        { name: 'labels', shape: [1, 5, 3], values: values(15) },
      ],
      { labels: ['cat', 'dog'] },
    ],
    'of keypoints': [[{ name: 'y', shape: [1, 5, 12], values: values(60) }], { labels: ['cat', 'dog'], keypoints: [2, 3] }],
    'of oriented boxes': [[{ name: 'y', shape: [1, 5, 7], values: values(35) }], { labels: ['cat', 'dog'], rotated: true }],
    'of decoded boxes of an SSD': [
      [
        { name: 'boxes', shape: [1, 5, 4], values: values(20) },
        { name: 'scores', shape: [1, 5, 3], values: values(15) },
      ],
      { task: 'detect', head: 'ssd', labels: ['cat', 'dog'], ssd: { boxes: 'decoded', activation: 'none' } },
    ],
  };

  it.each(Object.keys(kinds))('%s is the same again', async (kind) => {
    const [outputs, options] = kinds[kind]!;
    const path = file(constantModel({ input: [1, 3, 64, 64], outputs }));
    await using source = (await loadTask(path, options)) as Detector;
    await bundleOf(path, options, unchanged(path));
    await using opened = (await loadTask(output)) as Detector;
    const facts = ({ head, labels, preprocess }: Detector) => ({ head, labels, preprocess: preprocess.options });
    expect(facts(opened)).toEqual(facts(source));
    const detections = (await found(source, frame)) as { detections: unknown[] };
    expect(detections.detections.length).toBeGreaterThan(0);
    expect(await found(opened, frame)).toEqual(detections);
  });
});
