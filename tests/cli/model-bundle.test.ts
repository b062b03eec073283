/** The commands that take a model take the bundle of an optimised one. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { runSettings } from '../../lib/cli/run-settings.js';
import type { ModelBundle } from '../../lib/engine/index.js';
import type { EvaluationResult } from '../../lib/index.js';
import { bundledTask, Detector, loadTask } from '../../lib/tasks/index.js';
import { makeBundle } from '../engine/made-bundle.js';
import { asItWas, inEightBits, makeModelBundle } from '../engine/made-model-bundle.js';
import { rtxPresent } from '../engine/rtx.js';
import { foveate, models, picture, projectRoot, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const output = join(folder, 'detector.bundle');
let labels: string[];
let bundle: ModelBundle;
beforeAll(async () => {
  await using plain = await Detector.load(models.detector);
  labels = plain.labels.map((label) => `a ${label}`);
  await using task = await Detector.load(models.detector, { labels });
  const forms = { onnxruntime: asItWas(models.detector), tensorrt: inEightBits(models.detector, 'int8') };
  const decisions = ['ONNX Runtime runs the float32 form: INT8 measured 1.09x slower'];
  bundle = await makeModelBundle(output, models.detector, { ...bundledTask(task), forms, decisions });
});

describe('inspect', () => {
  it('tells what a bundle holds', async () => {
    const { code, stdout, stderr } = await foveate(['inspect', output]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { onnxruntime, tensorrt } = bundle.manifest.forms;
    const size = (bytes: number): string => `${(bytes / 1e6).toPrecision(3)} MB`;
    for (const text of [
      `${output}  optimised from shapes-detector.onnx, ${size(onnxruntime.bytes)}`,
      '  task      detect, 6 classes, head: yolov8',
      '  pictures  letterbox to 256 x 256, rgb, scale 1/255',
      `  source    sha256 ${bundle.manifest.source.sha256}`,
      `  ONNX Runtime  float32  ${size(onnxruntime.bytes)}  1.00x  onnxruntime/shapes-detector.onnxruntime.float32.onnx  as it was`,
      'quantised by hand to int8',
      '  calibration  calibration.json',
      '  report       report/layers.csv',
      '  latencyMs.float32     12',
      '  latencyMs.int8     6.512',
      '  boxes               0.95',
      '  ONNX Runtime runs the float32 form: INT8 measured 1.09x slower',
    ])
      expect(stdout).toContain(text);
    const share = (tensorrt.bytes / onnxruntime.bytes).toFixed(2);
    expect(Number(share)).toBeLessThan(0.5);
    expect(stdout).toMatch(new RegExp(`TensorRT +int8 +[\\d.]+ kB +${share}x`));
  });

  it('tells it as JSON', async () => {
    const { code, stdout } = await foveate(['inspect', output, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ path: output, manifest: bundle.manifest });
  });

  it('reads all of it, and finds what was changed', async () => {
    const place = join(folder, 'damaged.bundle');
    await makeModelBundle(place, models.detector);
    const table = join(place, 'calibration.json');
    writeFileSync(table, readFileSync(table, 'utf8').replace('32', '64'));
    const { code, stderr, stdout } = await foveate(['inspect', place]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(stderr).toMatch(/calibration\.json of the bundle .* is damaged: its content is not what was written/);
    expect(stderr).toContain('BUNDLE_INVALID');
    writeFileSync(join(place, 'manifest.json'), 'rubbish');
    expect((await foveate(['inspect', place])).stderr).toMatch(/its manifest\.json is no JSON/);
  });

  it('tells it from the bundle of an engine, and from a folder', async () => {
    const engine = join(folder, 'engine');
    mkdirSync(engine);
    makeBundle(engine);
    writeFileSync(join(engine, 'layers.json'), ''.padEnd(2000, ' '));
    expect((await foveate(['inspect', engine])).stderr).toMatch(/engine bundle .* is damaged/);
    expect((await foveate(['inspect', folder])).stderr).toContain('ENGINE_INVALID');
  });
});

describe('run', () => {
  const args = ['--json', '--threads', '1', picture('cross.jpg')];

  it('finds with a bundle what it finds with its form', async () => {
    const results = async (model: string): Promise<unknown> => {
      const { code, stdout, stderr } = await foveate(['run', model, ...args]);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout, (key, value: unknown) => (key === 'timing' || key === 'model' ? undefined : value));
    };
    const found = JSON.stringify(await results(output));
    expect(found).toMatch(/"a [a-z]+"/);
    const plain = JSON.stringify(await results(models.detector));
    const ofDetections = (text: string): unknown => (JSON.parse(text) as { pictures: unknown }).pictures;
    expect(ofDetections(found.replaceAll('"a ', '"'))).toEqual(ofDetections(plain));
  });

  it('writes its results over no file of the bundle', async () => {
    const form = bundle.form('tensorrt');
    const { code, stderr } = await foveate(['run', output, ...args, '--results', form, '--overwrite']);
    expect(code).toBe(4);
    expect(stderr).toMatch(/would overwrite .*tensorrt\.int8\.onnx, which is read/);
    await bundle.verify();
  });

  it('goes on with the same bundle only', async () => {
    const place = join(folder, 'moving.bundle');
    await makeModelBundle(place, models.detector);
    const settings = () =>
      runSettings(place, {}, { format: 'ndjson', results: undefined, output: undefined }, new AbortController().signal);
    const before = await settings();
    expect(await settings()).toEqual(before);
    await makeModelBundle(place, models.detector, { labels });
    expect(await settings()).not.toEqual(before);
  });

  it('says of a damaged bundle what is wrong', async () => {
    const place = join(folder, 'short.bundle');
    const { path } = await makeModelBundle(place, models.detector);
    rmSync(join(path, 'onnxruntime'), { recursive: true });
    const { code, stderr } = await foveate(['run', place, ...args]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/onnxruntime\.int8\.onnx of the bundle .* is damaged: it is missing/);
  });
});

describe('eval', { timeout: 60_000 }, () => {
  it('measures a bundle, and names its form', async () => {
    const place = join(folder, 'own.bundle');
    await using task = await loadTask(models.detector);
    const forms = { onnxruntime: asItWas(models.detector), tensorrt: asItWas(models.detector) };
    const { manifest } = await makeModelBundle(place, models.detector, { ...bundledTask(task), forms });
    const data = join(projectRoot, 'examples/pictures/detect.json');
    const measured = async (model: string): Promise<EvaluationResult> => {
      const { code, stdout, stderr } = await foveate(['eval', model, '--data', data, '--json']);
      expect(code, stderr).toBe(0);
      return JSON.parse(stdout) as EvaluationResult;
    };
    const result = await measured(place);
    const { bytes, sha256 } = manifest.forms.onnxruntime;
    expect(result.model).toMatchObject({ name: 'own.bundle', bytes, sha256 });
    expect(result.metrics).toEqual((await measured(models.detector)).metrics);
  });
});

describe('typegen', () => {
  it('writes the types of a bundle, with its class names', async () => {
    const { code, stdout } = await foveate(['typegen', output]);
    expect(code).toBe(0);
    expect(stdout).toContain('detector.bundle');
    expect(stdout).toContain(`SHA-256: ${bundle.manifest.forms.onnxruntime.sha256}`);
    expect(stdout).toContain('| "a circle"');
    const plain = (await foveate(['typegen', models.detector])).stdout;
    const body = (text: string): string =>
      text.replaceAll('detector.bundle', 'shapes-detector.onnx').split('export interface Model')[1] as string;
    expect(body(stdout).split('export type Label')[0]).toBe(body(plain).split('export type Label')[0]);
  });
});

describe.skipIf(!rtxPresent)('build', { timeout: 120_000 }, () => {
  const env = { FOVEATE_CACHE_DIR: join(folder, 'cache') };

  it('builds an engine of the form for TensorRT', async () => {
    const to = join(folder, 'detector.engine');
    const { code, stdout, stderr } = await foveate(['build', output, '--compute-capability', '89', '-o', to], { env });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain(`${basename(to)}  engine of detector.bundle`);
    expect(stdout).toContain('input    images  uint8 [?, 256, 256, 3]');
    const inspected = await foveate(['inspect', to, '--json']);
    expect(JSON.parse(inspected.stdout)).toMatchObject({ manifest: { labels, model: { source: 'detector.bundle' } } });
    expect(existsSync(join(to, 'engine.plan'))).toBe(true);
  });

  it('checks that form', async () => {
    const { code, stdout } = await foveate(['build', output, '--check'], { env });
    expect(code).toBe(0);
    expect(stdout).toContain('detector.bundle on tensorrt-rtx');
    expect(stdout).toMatch(/DequantizeLinear +\d+ {2}supported/);
  });

  it('takes the place of no bundle that it is built of', async () => {
    copyFileSync(join(output, 'manifest.json'), join(folder, 'manifest.json'));
    const { code, stderr } = await foveate(['build', output, '--compute-capability', '89', '-o', output], { env });
    expect(code).toBe(4);
    expect(stderr).toMatch(/OUTPUT_NOT_WRITABLE/);
    await bundle.verify();
  });
});
