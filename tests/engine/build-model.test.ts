/** Models as they are read to be built. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { create } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { buildInputs, readSource } from '../../lib/engine/build-model.js';
import { bakePreprocess, encodeModel, parseModel } from '../../lib/graph/index.js';
import { FunctionProtoSchema } from '../../lib/graph/onnx_pb.js';
import { rejectionOf } from '../errors/failure.js';
import { choice, DataType, elsewhere, graphModel, node, value } from '../graph/made-graphs.js';

const constant = (location: string): ReturnType<typeof node> =>
  node('Constant', [], 'c', { value: { tensor: elsewhere('w', location, DataType.UINT8) } });
const inFunction = (location: string): Uint8Array => {
  const model = graphModel({ inputs: { x: [2] }, nodes: [node('Relu', 'x', 'y')] });
  return encodeModel({ ...model, functions: [create(FunctionProtoSchema, { name: 'f', node: [constant(location)] })] });
};
const encoded = (nodes: ReturnType<typeof node>[]): Uint8Array =>
  encodeModel(graphModel({ inputs: { x: [2], so: value('so', [], DataType.BOOL) }, nodes }));

/** Where a tensor may be that has its elements in a file of that name. */
const models: readonly (readonly [string, (location: string) => Uint8Array])[] = [
  [
    'an initializer',
    (location) =>
      encodeModel(graphModel({ inputs: { x: [2] }, nodes: [], constants: [elsewhere('w', location, DataType.UINT8)] })),
  ],
  ['a constant', (location) => encoded([constant(location)])],
  [
    'a constant of a branch',
    (location) =>
      encoded([choice('so', 'y', choice('so', 'z', constant(location), node('Relu', 'x', 'a')), node('Relu', 'x', 'b'))]),
  ],
  ['a constant of a function', inFunction],
];

describe('external data of a model to build', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'foveate-source-'));
    mkdirSync(join(folder, 'model'));
    path = join(folder, 'model', 'model.onnx');
    writeFileSync(join(folder, 'secret.bin'), 'se');
    writeFileSync(join(folder, 'model', 'w.bin'), 'ab');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each(models)('of %s is found and hashed', async (_, model) => {
    writeFileSync(path, model('w.bin'));
    const sha256 = 'fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603';
    expect((await readSource(path, undefined)).externalData).toMatchObject([{ file: 'w.bin', bytes: 2, sha256 }]);
    writeFileSync(join(folder, 'model', 'w.bin'), 'ac');
    expect((await readSource(path, undefined)).externalData).not.toMatchObject([{ sha256 }]);
  });

  it.each(models)('of %s is refused outside of its folder', async (_, model) => {
    symlinkSync('../secret.bin', join(folder, 'model', 'link.bin'));
    for (const location of ['../secret.bin', join(folder, 'secret.bin'), 'link.bin']) {
      writeFileSync(path, model(location));
      const error = await rejectionOf(readSource(path, undefined));
      expect(error).toMatchObject({ code: 'MODEL_INVALID' });
      expect(error.message).toMatch(/"w": location ".*" is not a file within the folder of the model/);
    }
  });

  it.each(models)('of %s is told to be missing', async (_, model) => {
    writeFileSync(path, model('none.bin'));
    expect(await rejectionOf(readSource(path, undefined))).toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(await rejectionOf(readSource(model('w.bin'), undefined))).toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });
});

describe('inputs of a model to build', () => {
  it('keep the axes of the model where they take pixels', () => {
    const model = graphModel({ inputs: { x: ['n', 3, 'h', 'w'], size: [2] }, nodes: [node('Relu', 'x', 'y')] });
    const shape = ['n', 3, 'h', 'w'];
    for (const layout of ['nchw', 'nhwc'] as const) {
      const own = layout === 'nchw' ? shape : ['n', 'h', 'w', 3];
      const given = graphModel({ inputs: { x: own, size: [2] }, nodes: [node('Relu', 'x', 'y')] });
      const values = { scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1], layout } as const;
      const baked = parseModel(encodeModel(bakePreprocess(given, values)));
      expect(baked.inputs[0]?.shape).toEqual(['n', 'h', 'w', 3]);
      expect(buildInputs(baked.inputs, [{ pass: 'bake-preprocess', values }])).toEqual([
        { name: 'x', shape: own, order: layout === 'nchw' ? [0, 2, 3, 1] : [0, 1, 2, 3] },
        { name: 'size', shape: [2] },
      ]);
    }
    expect(buildInputs(parseModel(encodeModel(model)).inputs, [{ pass: 'free-batch' }])[0]).toEqual({ name: 'x', shape });
  });
});
