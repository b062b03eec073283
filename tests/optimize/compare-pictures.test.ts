/** Comparisons on pictures: of the example models, and of the shared ones. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, describe, expect, it } from 'vitest';

import { bakePreprocess, encodeModel, freeBatch, readModel } from '../../lib/graph/index.js';
import { changed } from '../../lib/graph/passes/changed.js';
import { Classifier, compareModels, type CompareModelsOptions } from '../../lib/index.js';
import { example, shared } from '../session/fixtures.js';

const data = example('pictures');
const classifier = example('models/shapes-classifier.onnx');
const options: CompareModelsOptions = { data, pictures: 4 };
const folder = mkdtempSync(join(tmpdir(), 'foveate-compare-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The model with the weights that the `n`-th node with weights reads first multiplied by `factor`. */
async function scaled(path: string, n: number, factor: number): Promise<{ bytes: Uint8Array; node: string }> {
  const { proto, nodes, initializers } = await readModel(path);
  const weighted = nodes.filter(({ opType }) => opType === 'Conv' || opType === 'Gemm');
  const node = weighted[n]!;
  const weights = initializers.get(node.inputs[1]!)!;
  const rawData = new Uint8Array(Float32Array.from(weights.data as Float32Array, (value) => value * factor).buffer);
  const graph = changed(proto.graph!, {
    initializer: proto.graph!.initializer.map((tensor) =>
      tensor.name === weights.name ? changed(tensor, { rawData, floatData: [] }) : tensor,
    ),
  });
  return { bytes: encodeModel(changed(proto, { graph })), node: node.name };
}

describe('two models on pictures', () => {
  it('are compared in values and results', async () => {
    const found = await compareModels(classifier, classifier, { ...options, same: true });
    expect(found).toMatchObject({
      a: { name: 'shapes-classifier.onnx', quantized: false },
      inputs: { kind: 'pictures', count: 4 },
      passed: true,
      notices: [],
    });
    expect(found.agreement).toMatchObject({ task: 'classify', pictures: 4 });
    expect(found.verdicts.map(({ name }) => name)).toEqual(['logits: difference', 'top-1']);
    expect(found.layers.compared.every(({ equal }) => equal)).toBe(true);
  });

  it.each([0, 3, 6])('are found to differ where weights %i were scaled', async (n) => {
    const { bytes, node } = await scaled(classifier, n, 1.01);
    const { layers } = await compareModels(classifier, bytes, { ...options, same: true });
    expect(layers.firstDiverging?.node).toBe(node);
  });

  it('may find other things', async () => {
    const { bytes } = await scaled(classifier, 2, -1);
    const { passed, verdicts } = await compareModels(classifier, bytes, options);
    expect(passed).toBe(false);
    expect(verdicts.find(({ name }) => name === 'top-1')).toMatchObject({
      passed: false,
      message: expect.stringMatching(/^top-1 \(classify\) is 0\.\d+, 0\.\d+ below the limit of 0\.900$/) as string,
    });
  });

  it.each(['detector', 'segmenter'] as const)('may be a %s', async (kind) => {
    const model = example(`models/shapes-${kind}.onnx`);
    const { agreement, passed, verdicts } = await compareModels(model, model, { data, pictures: 2, same: true });
    expect(agreement?.task).toBe(kind === 'detector' ? 'detect' : 'segment');
    expect({ passed, judged: verdicts.length > 1 }).toEqual({ passed: true, judged: true });
  });

  it('each prepare pictures in their own way', async () => {
    const { proto } = await readModel(classifier);
    await using task = await Classifier.load(classifier);
    const { scale, mean, std, layout } = task.preprocess.options;
    const baked = bakePreprocess(proto, { scale, mean, std, layout });
    const found = await compareModels(classifier, encodeModel(baked), options);
    expect(found.passed).toBe(true);
    expect(found.outputs[0]?.difference?.snrDb).toBeGreaterThan(90);
    expect(found.layers.compared.length).toBeGreaterThan(20);
    expect(Math.min(...found.layers.compared.map(({ snrDb }) => snrDb))).toBeGreaterThan(90);
    expect(found.notices).toEqual([]);
  });

  it('have one preparation where one of both does not tell its own', async () => {
    const { proto } = await readModel(classifier);
    const model = join(mkdtempSync(join(folder, 'told-')), 'model.onnx');
    writeFileSync(model, encodeModel(proto));
    const half = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
    const config = {
      ...half,
      resample: 2,
      do_resize: true,
      do_rescale: true,
      do_normalize: true,
      size: { height: 96, width: 96 },
    };
    writeFileSync(join(dirname(model), 'preprocessor_config.json'), JSON.stringify(config));
    const told = await compareModels(model, classifier, { ...options, same: true });
    expect(told.notices).toEqual(['B does not tell how pictures are prepared: it is given what A tells.']);
    expect(told.passed).toBe(true);
    const other = await compareModels(classifier, model, { ...options, same: true });
    expect(other.notices).toEqual(['A does not tell how pictures are prepared: it is given what B tells.']);
    expect(other.outputs).toEqual(told.outputs);
    const second = join(mkdtempSync(join(folder, 'differs-')), 'model.onnx');
    writeFileSync(second, encodeModel(proto));
    writeFileSync(join(dirname(second), 'preprocessor_config.json'), JSON.stringify({ ...config, image_mean: [0.4, 0.4, 0.4] }));
    const differing = await compareModels(model, second, { ...options, same: true });
    expect(differing.notices).toEqual(['The models prepare pictures differently: mean. Differences of values may come of that.']);
    expect(differing.layers.firstDiverging?.inputs).toEqual([{ value: 'images', snrDb: Infinity }]);
  });
});

describe('pictures', () => {
  it('that cannot be read are left out, and told', async () => {
    const broken = join(folder, 'broken.png');
    writeFileSync(broken, 'no picture');
    const found = await compareModels(classifier, classifier, { data: [broken, join(data, 'circle.jpg')], same: true });
    expect(found.inputs.count).toBe(1);
    expect(found.notices).toEqual([expect.stringMatching(/^A picture was left out: /)]);
    await expect(compareModels(classifier, classifier, { data: [broken] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('in a folder without any are missed', async () => {
    const empty = mkdtempSync(join(folder, 'empty-'));
    await expect(compareModels(classifier, classifier, { data: empty })).rejects.toMatchObject({
      code: 'MEDIA_NOT_FOUND',
      message: `There is no picture in the folder ${empty}`,
    });
  });
});

const mobilenet = shared('models/mobilenetv2_fp32.onnx');
const quantized = shared('models/mobilenetv2_dynq_int8.onnx');
const photographs = shared('images/imagenet');
const hasShared = mobilenet !== undefined && quantized !== undefined && photographs !== undefined;
if (!hasShared) console.warn('SKIPPED: there is no folder shared beside the checkout, so no real models are compared.');

describe.skipIf(!hasShared)('real models', () => {
  const real: CompareModelsOptions = { data: photographs as string, pictures: 2 };

  it('quantized dynamically have every layer of the original', async () => {
    const { layers, passed, b } = await compareModels(mobilenet as string, quantized as string, real);
    expect(b).toEqual({ name: 'mobilenetv2_dynq_int8.onnx', quantized: true });
    expect(layers.compared.filter(({ operator }) => operator === 'Conv')).toHaveLength(52);
    expect(layers.left.some(({ reason }) => reason === 'only in A')).toBe(false);
    expect({ passed, first: layers.firstDiverging }).toEqual({ passed: true, first: undefined });
    // What was quantized is never the same, and never nonsense.
    const ratios = layers.compared.map(({ snrDb }) => snrDb);
    expect(Math.max(...ratios)).toBeLessThan(60);
    expect(Math.min(...ratios)).toBeGreaterThan(10);
  });

  it('are the same with their batch freed', async () => {
    const model = shared('models/ultraface_rfb_320.onnx') as string;
    const { proto } = await readModel(model);
    const faces = { data: shared('images/scenes') as string, pictures: 2, same: true, ssd: { boxes: 'decoded' } as const };
    const { layers, passed } = await compareModels(readFileSync(model), encodeModel(freeBatch(proto)), faces);
    expect({ passed, first: layers.firstDiverging }).toEqual({ passed: true, first: undefined });
    expect(layers.compared.length).toBeGreaterThan(100);
  });

  it('are seen through a fault in the middle', async () => {
    const { bytes, node } = await scaled(mobilenet as string, 25, 1.05);
    const { layers } = await compareModels(mobilenet as string, bytes, { ...real, minSnr: 30 });
    expect(layers.firstDiverging?.node).toBe(node);
    expect(layers.firstDiverging?.snrDb).toBeGreaterThan(20);
  });
});
