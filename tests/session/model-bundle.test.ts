/** A session opens, of the bundle of an optimised model, the form for ONNX Runtime. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { readModel } from '../../lib/graph/index.js';
import { createSession, type ModelSource } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { makeBundle } from '../engine/made-bundle.js';
import { makeModelBundle } from '../engine/made-model-bundle.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { pseudoRandom } from '../graph/made-graphs.js';
import { example } from './fixtures.js';

const classifier = example('models/shapes-classifier.onnx');
let folder: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-session-bundle-'));
  output = join(folder, 'classifier.bundle');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The output for one picture of noise. */
async function outputOf(model: ModelSource): Promise<number[]> {
  await using session = await createSession(model);
  const [input] = session.inputs;
  const dims = [1, 3, 96, 96];
  const x = new Tensor('float32', pseudoRandom(3 * 96 * 96, 1), dims);
  using result = await session.run({ [input?.name as string]: x });
  return [...(Object.values(result.outputs)[0]?.data as Float32Array)];
}

describe('the bundle of a model', () => {
  it('runs as its form for ONNX Runtime', async () => {
    const bundle = await makeModelBundle(output, classifier);
    const expected = await outputOf(bundle.form('onnxruntime'));
    expect(await outputOf(output)).toEqual(expected);
    expect(await outputOf(pathToFileURL(`${output}/`))).toEqual(expected);
    expect(await outputOf(bundle.form('tensorrt'))).not.toEqual(expected);
    expect(await outputOf(classifier)).not.toEqual(expected);
  });

  it('is refused where that form was changed, and only then', async () => {
    const bundle = await makeModelBundle(output, classifier);
    const change = (path: string): void => {
      const bytes = readFileSync(path);
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      writeFileSync(path, bytes);
    };
    change(bundle.form('tensorrt'));
    await (await createSession(output)).dispose();
    change(bundle.form('onnxruntime'));
    expectFailure(await rejectionOf(createSession(output)), 'BUNDLE_INVALID', /onnxruntime\.int8\.onnx .* content is not/);
  });

  it('is refused where its manifest is damaged', async () => {
    await makeModelBundle(output, classifier);
    writeFileSync(join(output, 'manifest.json'), '{"kind": "model"');
    expectFailure(await rejectionOf(createSession(output)), 'BUNDLE_INVALID', /is no JSON/);
  });
});

describe('another folder is no model', () => {
  it('and says so', async () => {
    mkdirSync(join(folder, 'models'));
    expectFailure(
      await rejectionOf(createSession(join(folder, 'models'))),
      'MODEL_NOT_FOUND',
      /it is a folder$/,
      /foveate optimize/,
    );
  });

  it('but the bundle of an engine is one for its own device', async () => {
    makeBundle(folder);
    const error = await rejectionOf(createSession(folder, { device: 'cpu' }));
    expectFailure(error, 'INVALID_ARGUMENT', /'auto' or 'tensorrt-rtx'.*for device/, /the model that it was built from/);
    expectFailure(await rejectionOf(readModel(folder)), 'MODEL_NOT_FOUND', /it is a folder$/, /engine bundle.*model\.onnx/);
  });

  it('nor is a bundle to who reads files, who is told where the files are', async () => {
    await makeModelBundle(output, classifier);
    expectFailure(await rejectionOf(readModel(output)), 'MODEL_NOT_FOUND', /it is a folder$/, /ModelBundle\.open\(folder\)/);
  });
});
