import { cp, mkdir, mkdtemp, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { create } from '@bufbuild/protobuf';
import {
  countParameters,
  encodeModel,
  externalDataOf,
  freeBatch,
  parseModel,
  readModel,
  type OnnxTensor,
} from '../../lib/graph/index.js';
import { ModelProtoSchema, TensorProto_DataLocation as DataLocation } from '../../lib/graph/onnx_pb.js';
import { DataType, elsewhere, graphModel, node, type Constant } from './made-graphs.js';
import { fixture, folders, modelPath } from './models.js';
import { integerField, lengthField, modelBytes } from './wire-writer.js';

/** A tensor of two uint8 in another file, or two of another type. */
function tensorAt(entries: Record<string, string>, folder?: string, type = 2): OnnxTensor {
  const external = Object.entries(entries).flatMap(([key, value]) =>
    lengthField(13, [...lengthField(1, key), ...lengthField(2, value)]),
  );
  const tensor = [...integerField(1, 2), ...integerField(2, type), ...lengthField(8, 'w'), ...external, ...integerField(14, 1)];
  return parseModel(modelBytes(lengthField(5, tensor)), { folder }).initializers.get('w') as OnnxTensor;
}

describe('external data', () => {
  let outside: string;
  let folder: string;
  beforeEach(async () => {
    outside = await mkdtemp(path.join(tmpdir(), 'foveate-external-'));
    folder = path.join(outside, 'model');
    await mkdir(path.join(folder, 'weights'), { recursive: true });
    await writeFile(path.join(folder, 'weights/w.bin'), Uint8Array.of(1, 2, 3, 4));
    await writeFile(path.join(outside, 'secret.bin'), Uint8Array.of(9, 9));
  });
  afterEach(() => rm(outside, { recursive: true }));

  it('is read from the folder of the model', async () => {
    const model = await readModel(modelPath('fixtures', 'external.onnx'));
    const [first, second] = [...model.initializers.values()] as [OnnxTensor, OnnxTensor];
    expect(first.external).toMatchObject({ location: 'weights/external.bin', offset: 0, length: 24 });
    expect(second.external).toMatchObject({ offset: 32, length: undefined });
    expect([first.data, second.data]).toEqual([undefined, undefined]);
    expect(await first.read()).toEqual(Float32Array.of(0, 1, 2, 3, 4, 5));
    expect(await second.read()).toEqual(BigInt64Array.of(-1n, 2n ** 40n));
    expect(await first.read()).not.toBe(await first.read());
  });

  it('is read from a folder that is given', async () => {
    const model = await readModel(fixture('external.onnx'), { folder: folders.fixtures });
    expect(await model.initializers.get('first')?.read()).toHaveLength(6);
  });

  it('cannot be found for a model given as bytes', async () => {
    const model = await readModel(fixture('external.onnx'));
    await expect(model.initializers.get('first')?.read()).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('the model was given as bytes'),
    });
  });

  it('cannot be strings', () => {
    expect(() => tensorAt({ location: 'weights/w.bin' }, folder, DataType.STRING)).toThrow(
      /"w": strings cannot lie in another file/,
    );
  });

  it('follows offset and length', async () => {
    expect(await tensorAt({ location: 'weights/w.bin', offset: '1', length: '2' }, folder).read()).toEqual(Uint8Array.of(2, 3));
    expect(await tensorAt({ location: 'weights/w.bin', offset: '2' }, folder).read()).toEqual(Uint8Array.of(3, 4));
    expect(await tensorAt({ location: './weights/w.bin', length: '2' }, folder).read()).toEqual(Uint8Array.of(1, 2));
  });

  it.each([
    '../secret.bin',
    'weights/../../secret.bin',
    'weights\\..\\..\\secret.bin',
    '/etc/hostname',
    'C:\\secret.bin',
    '\\\\host\\secret.bin',
    '',
    'w\0.bin',
  ])('refuses the location %j', async (location) => {
    await expect(tensorAt({ location }, folder).read()).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('is not a file within the folder of the model'),
    });
  });

  it('refuses a link that leads out of the folder, of a file or a folder', async () => {
    await symlink(path.join(outside, 'secret.bin'), path.join(folder, 'link.bin'));
    await symlink(outside, path.join(folder, 'up'));
    for (const location of ['link.bin', 'up/secret.bin']) {
      await expect(tensorAt({ location }, folder).read()).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    }
  });

  it('follows a link within the folder, and a link to the folder', async () => {
    await symlink('weights/w.bin', path.join(folder, 'link.bin'));
    expect(await tensorAt({ location: 'link.bin', length: '2' }, folder).read()).toEqual(Uint8Array.of(1, 2));
    await symlink(folder, path.join(outside, 'alias'));
    const aliased = tensorAt({ location: 'weights/w.bin', length: '2' }, path.join(outside, 'alias'));
    expect(await aliased.read()).toEqual(Uint8Array.of(1, 2));
  });

  it('takes a name that only begins with two dots', async () => {
    await writeFile(path.join(folder, '..w.bin'), Uint8Array.of(5, 6));
    expect(await tensorAt({ location: '..w.bin' }, folder).read()).toEqual(Uint8Array.of(5, 6));
  });

  it.each([
    [{ location: 'weights/none.bin' }, 'MODEL_NOT_FOUND', 'there is no such file'],
    [{ location: 'weights' }, 'MODEL_NOT_FOUND', 'it is a folder'],
    [{ location: 'weights/w.bin' }, 'MODEL_INVALID', 'expected 2 bytes for its shape but received 4'],
    [{ location: 'weights/w.bin', length: '1' }, 'MODEL_INVALID', 'expected 2 bytes for its shape but received 1'],
    [{ location: 'weights/w.bin', offset: '3', length: '2' }, 'MODEL_INVALID', 'bytes 3 to 5 are wanted of a file of 4 bytes'],
    [{ location: 'weights/w.bin', offset: '9' }, 'MODEL_INVALID', 'bytes 9 to 9 are wanted of a file of 4 bytes'],
    [{ location: 'weights/w.bin', length: '9007199254740991' }, 'MODEL_INVALID', 'of a file of 4 bytes'],
  ])('refuses %j', async (entries, code, message) => {
    await expect(tensorAt(entries as Record<string, string>, folder).read()).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  it.each([
    [{}, 'no location is given'],
    [{ location: 'w', offset: '-1' }, 'offset is "-1", not a number of bytes'],
    [{ location: 'w', offset: 'NaN' }, 'offset is "NaN", not a number of bytes'],
    [{ location: 'w', length: '1e3' }, 'length is "1e3", not a number of bytes'],
    [{ location: 'w', length: '9'.repeat(30) }, 'not a number of bytes'],
  ])('refuses a model that says %j', (entries, message) => {
    expect(() => tensorAt(entries as Record<string, string>, folder)).toThrow(message);
  });

  it('notices a data file that lost its end', async () => {
    await cp(folders.fixtures, folder, { recursive: true });
    await truncate(path.join(folder, 'weights/external.bin'), 40);
    const model = await readModel(path.join(folder, 'external.onnx'));
    expect(await model.initializers.get('first')?.read()).toHaveLength(6);
    await expect(model.initializers.get('second')?.read()).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });

  it('stops when aborted', async () => {
    const tensor = tensorAt({ location: 'weights/w.bin', length: '2' }, folder);
    await expect(tensor.read({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
  });

  it('leaves the bytes of the model as they were', async () => {
    const file = modelPath('fixtures', 'external.onnx');
    const bytes = new Uint8Array(await readFile(file));
    const copy = bytes.slice();
    await parseModel(bytes, { folder: folders.fixtures }).initializers.get('first')?.read();
    expect(bytes).toEqual(copy);
  });
});

const list = (location: string): Constant => elsewhere(location, location, DataType.INT64);

describe('the external data of a model', () => {
  const inside = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ version: 17n }],
    graph: {
      initializer: [list('initializer')],
      sparseInitializer: [{ values: list('sparse values'), indices: list('sparse indices') }],
      node: [
        { opType: 'Constant', attribute: [{ name: 'value', type: 4, t: list('constant') }] },
        {
          opType: 'Constant',
          attribute: [{ name: 'sparse_value', type: 11, sparseTensor: { values: list('sparse constant') } }],
        },
        {
          opType: 'Own',
          attribute: [
            { name: 'several', type: 9, tensors: [list('first of several'), list('second of several')] },
            { name: 'sparse', type: 12, sparseTensors: [{ indices: list('sparse of several') }] },
            { name: 'graphs', type: 10, graphs: [{ initializer: [list('initializer of one of several graphs')] }] },
          ],
        },
        {
          opType: 'Loop',
          attribute: [
            {
              name: 'body',
              type: 5,
              g: {
                initializer: [list('initializer of a body')],
                node: [
                  {
                    opType: 'If',
                    attribute: [
                      { name: 'then_branch', type: 5, g: { node: [{ attribute: [{ type: 4, t: list('constant within') }] }] } },
                    ],
                  },
                ],
              },
            },
          ],
        },
      ],
    },
    functions: [
      {
        node: [{ attribute: [{ type: 4, t: list('constant of a function') }] }],
        attributeProto: [{ name: 'default', type: 4, t: list('default of a function') }],
      },
    ],
    trainingInfo: [
      { initialization: { initializer: [list('initialization')] }, algorithm: { initializer: [list('algorithm')] } },
    ],
  });

  it('is found wherever a tensor may be', () => {
    expect(externalDataOf(parseModel(encodeModel(inside)).proto, 'folder').map(({ location }) => location)).toEqual([
      'initializer',
      'sparse values',
      'sparse indices',
      'constant',
      'sparse constant',
      'first of several',
      'second of several',
      'sparse of several',
      'initializer of one of several graphs',
      'initializer of a body',
      'constant within',
      'initialization',
      'algorithm',
      'constant of a function',
      'default of a function',
    ]);
    expect(externalDataOf(parseModel(fixture('everything.onnx')).proto, undefined)).toEqual([]);
  });

  it('counts among the parameters where that of initializers does', () => {
    // That of the graph, of the values of the sparse one, of one of several graphs and of a body.
    expect(countParameters(parseModel(encodeModel(inside)))).toEqual([{ dtype: 'int64', count: 4 * 2, bytes: 4 * 2 * 8 }]);
  });

  it('is refused where a constant does not say where it is', () => {
    const broken = { name: 'w', dims: [2n], dataType: DataType.INT64, dataLocation: DataLocation.EXTERNAL };
    const model = graphModel({ inputs: {}, nodes: [node('Constant', [], 'c', { value: { tensor: broken } })] });
    expect(() => externalDataOf(model, 'folder')).toThrow('External data of tensor "w": no location is given');
  });

  it('is not taken for an empty list by a pass, which does not read it', () => {
    const shape = node('Constant', [], 'shape', { value: { tensor: list('shape.bin') } });
    const model = graphModel({ inputs: { x: [1, 6] }, nodes: [shape, node('Reshape', ['x', 'shape'], 'y')], outputs: ['y'] });
    expect(() => freeBatch(model)).toThrow(
      expect.objectContaining({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining('"the y"') }) as Error,
    );
  });
});
