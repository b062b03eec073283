/** Models that are read and written again. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { create, fromBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { encodeModel, parseModel, readModel, type ModelProto } from '../../lib/graph/index.js';
import { ModelProtoSchema, TensorProto_DataType as DataType } from '../../lib/graph/onnx_pb.js';
import { example } from '../session/fixtures.js';
import { inputsOf, integers, randomTensor, run } from './made-graphs.js';
import { describedModels, fixture, folders, modelPath } from './models.js';

const exampleModels = readdirSync(example('models')).filter((name) => name.endsWith('.onnx'));
const sharedModels = describedModels().flatMap(([group, name]) => (group === 'shared' ? [name] : []));
const missing = !existsSync(folders.shared);
if (missing) console.warn(`SKIPPED: there is no ${folders.shared}, so only models of the repository are written again`);

async function checkWritten(file: string): Promise<void> {
  const bytes = new Uint8Array(readFileSync(file));
  const { proto } = parseModel(bytes);
  const written = encodeModel(proto);
  // Not `toEqual`, which takes a minute for the elements of a model.
  expect(isDeepStrictEqual(fromBinary(ModelProtoSchema, written), fromBinary(ModelProtoSchema, bytes))).toBe(true);
  const inputs = Object.fromEntries(
    inputsOf(proto).map(({ name, dtype, shape }) => {
      const dims = (shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
      return [name, randomTensor(dtype, dims, 1)];
    }),
  );
  expect(isDeepStrictEqual(await run(written, inputs), await run(bytes, inputs))).toBe(true);
}

describe('a model that is written again', () => {
  it.each(exampleModels)('%s means and gives the same', (name) => checkWritten(path.join(example('models'), name)));

  it.skipIf(missing).each(sharedModels)('shared/%s means and gives the same', (name) => checkWritten(modelPath('shared', name)));

  it('has what the schema does not know, and all kinds of values and elements', () => {
    for (const name of ['everything.onnx', 'tensor_types.onnx', 'inputs_with_initializers.onnx']) {
      const { proto } = parseModel(fixture(name));
      const again = fromBinary(ModelProtoSchema, encodeModel(proto));
      expect(again).toEqual(proto);
      if (name === 'everything.onnx') expect(again.$unknown?.map(({ no }) => no)).toEqual([26]);
    }
  });

  it('points to elements in other files as before', async () => {
    const { proto } = await readModel(modelPath('fixtures', 'external.onnx'));
    const again = parseModel(encodeModel(proto), { folder: folders.fixtures });
    const [first, second] = [...again.initializers.values()];
    expect(first?.external).toMatchObject({ location: 'weights/external.bin', offset: 0, length: 24 });
    expect(second?.external).toMatchObject({ location: 'weights/external.bin', offset: 32, length: undefined });
    expect(first?.proto.rawData).toHaveLength(0);
  });
});

describe('a model above 2 GiB', () => {
  // Memory that is never touched, three times the same.
  const half = new Uint8Array(2 ** 30);
  const tensor = { name: 'w', dims: [2n ** 28n], dataType: DataType.FLOAT, rawData: half };
  const base = { irVersion: 8n, opsetImport: [{ version: 17n }] };
  const value = (name: string) => ({ name, attribute: [{ name: 'value', type: 4, t: tensor }] });

  it.each<readonly [string, ModelProto]>([
    ['of initializers', create(ModelProtoSchema, { ...base, graph: { initializer: [tensor, tensor] } })],
    ['of constants', create(ModelProtoSchema, { ...base, graph: { node: [value('a'), value('b')] } })],
    [
      'of constants in a graph within the graph',
      create(ModelProtoSchema, {
        ...base,
        graph: { node: [{ attribute: [{ name: 'then_branch', type: 5, g: { node: [value('a'), value('b')] } }] }] },
      }),
    ],
    ['of constants in functions', create(ModelProtoSchema, { ...base, functions: [{ node: [value('a'), value('b')] }] })],
    [
      'of numbers in lists',
      create(ModelProtoSchema, { ...base, graph: { initializer: [{ ...integers('l', []), floatData: [half, half] }] } }),
    ],
  ])('%s is refused before it is encoded', (_, model) => {
    expect(() => encodeModel(model)).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNSUPPORTED',
        message: expect.stringContaining('at most 2147483647 bytes'),
        hint: expect.stringContaining('external data'),
      }) as Error,
    );
  });
});
