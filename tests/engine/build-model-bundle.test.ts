/** Engines of the bundle of an optimised model are those of its form for TensorRT, with what its manifest says of pictures. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { buildEngine, checkEngineSupport, EngineBundle, ModelBundle } from '../../lib/index.js';
import { readSource } from '../../lib/engine/index.js';
import { Preprocess } from '../../lib/image/index.js';
import { bundledTask, Detector, loadTask } from '../../lib/tasks/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { integers, madeModel, node } from '../tasks/made-models.js';
import { makeModelBundle } from './made-model-bundle.js';
import { detector, models, rtx, rtxPresent, useOwnCache } from './rtx.js';

const cache = useOwnCache();

async function bundleOf(name: string): Promise<ModelBundle> {
  const path = join(models, `shapes-${name}.onnx`);
  await using task = await loadTask(path);
  return makeModelBundle(join(cache.folder(), `${name}.bundle`), path, bundledTask(task));
}

describe('the model that is built of a bundle', () => {
  it('is its form for TensorRT, under the name of the bundle', async () => {
    const bundle = await bundleOf('detector');
    const source = await readSource(bundle.path, undefined);
    expect(source).toMatchObject({
      path: bundle.form('tensorrt'),
      name: 'detector.bundle',
      sha256: bundle.manifest.forms.tensorrt.sha256,
    });
    expect(source.bundle?.path).toBe(bundle.path);
  });

  it('is refused where that form was changed', async () => {
    const bundle = await bundleOf('detector');
    const path = bundle.form('tensorrt');
    const bytes = readFileSync(path);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    writeFileSync(path, bytes);
    expectFailure(await rejectionOf(readSource(bundle.path, undefined)), 'BUNDLE_INVALID', /content is not what was written/);
    appendFileSync(path, 'x');
    expectFailure(await rejectionOf(readSource(bundle.path, undefined)), 'BUNDLE_INVALID', /expected \d+ bytes/);
  });
});

describe.skipIf(!rtxPresent)('the engine of a bundle', { timeout: 120_000 }, () => {
  it.each(['classifier', 'detector', 'segmenter'])('has eight bits and takes pixels (%s)', async (name) => {
    const bundle = await bundleOf(name);
    const built = await buildEngine(bundle.path, { ...rtx, batch: 4 });
    const { manifest } = built.bundle;
    expect(built).toMatchObject({ fromCache: false, notBaked: undefined });
    expect(manifest.model.source).toBe(`${name}.bundle`);
    expect(manifest.labels).toEqual(bundle.manifest.labels);
    const { fit, width, height, color } = bundle.manifest.preprocess;
    expect(manifest.preprocess).toMatchObject({ fit, width, height, color, layout: 'nhwc', dtype: 'uint8', scale: 1 });
    expect(manifest.inputs).toMatchObject([{ dtype: 'uint8', shape: [null, height, width, 3] }]);
    const layers = await built.bundle.layers();
    const inEightBits = layers.filter(({ outputs }) => outputs.some(({ dtype }) => /int8/i.test(dtype)));
    expect(inEightBits.length).toBeGreaterThan(3);
    // The same by hand is the same engine.
    const { preprocess, labels } = bundle.manifest;
    const byHand = { preprocess: new Preprocess(preprocess), labels: labels ?? [], task: bundle.manifest.task?.name as 'detect' };
    const again = await buildEngine(bundle.form('tensorrt'), { ...rtx, batch: 4, ...byHand });
    expect(again).toMatchObject({ fromCache: true, bundle: { manifest: { key: manifest.key } } });
    expect((await buildEngine(bundle.path, { ...rtx, batch: 4 })).fromCache).toBe(true);
  });

  it('is of the form as it is where nothing is to be baked in', async () => {
    const bundle = await bundleOf('detector');
    const { manifest } = (await buildEngine(bundle.path, { ...rtx, bake: false })).bundle;
    expect(manifest.model.sha256).toBe(bundle.manifest.forms.tensorrt.sha256);
    expect(manifest.preprocess).toEqual(bundle.manifest.preprocess);
    expect(manifest.passes).toEqual([]);
  });

  it('is changed by options', async () => {
    const bundle = await bundleOf('detector');
    await using task = await Detector.load(detector);
    const labels = task.labels.map((label) => `a ${label}`);
    const { manifest } = (await buildEngine(bundle.path, { ...rtx, labels, preprocess: { color: 'bgr' } })).bundle;
    expect(manifest.labels).toEqual(labels);
    expect(manifest.preprocess).toMatchObject({ color: 'bgr', fit: bundle.manifest.preprocess.fit });
  });

  it('takes pixels whatever the model is for', async () => {
    const path = join(cache.folder(), 'odd.onnx');
    const nodes = [node('Reshape', ['x', 'shape'], 'y')];
    const initializers = [integers('shape', [1, 3, 8, 4, 2])];
    writeFileSync(path, madeModel({ input: [1, 3, 8, 8], output: [1, 3, 8, 4, 2], nodes, initializers }));
    const preprocess = Preprocess.preset('yolo', { width: 8, height: 8 }).options;
    const bundle = await makeModelBundle(join(cache.folder(), 'odd.bundle'), path, { preprocess });
    const { notBaked, bundle: built } = await buildEngine(bundle.path, rtx);
    expect(notBaked).toBeUndefined();
    expect(built.manifest.inputs[0]?.dtype).toBe('uint8');
    expect(built.manifest.preprocess).toMatchObject({ fit: 'letterbox', dtype: 'uint8' });
    expect((await buildEngine(path, rtx)).notBaked).toMatch(/Expected float outputs of one task/);
  });

  it('is put in no place of the bundle that it is built of', async () => {
    const bundle = await bundleOf('detector');
    const error = await rejectionOf(buildEngine(bundle.path, { ...rtx, output: bundle.path }));
    expectFailure(error, 'OUTPUT_NOT_WRITABLE', /not an engine bundle/);
    await bundle.verify();
    const output = join(cache.folder(), 'detector.engine');
    await buildEngine(bundle.path, { ...rtx, output });
    await (await EngineBundle.open(output)).verify();
  });

  it('can be told beforehand to be supported', async () => {
    const bundle = await bundleOf('segmenter');
    const report = await checkEngineSupport(bundle.path, { device: 'tensorrt-rtx' });
    expect(report.supported).toBe(true);
    expect(report.operators.map(({ op }) => op)).toContain('DequantizeLinear');
  });
});
