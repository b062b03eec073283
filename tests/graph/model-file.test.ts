/** Models that are written to files. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { create, fromBinary } from '@bufbuild/protobuf';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeModel, parseModel, readModel, writeModel, type ModelProto, type OnnxModel } from '../../lib/graph/index.js';
import { tensorsOf } from '../../lib/graph/model-tensors.js';
import { withoutElements } from '../../lib/graph/model-pieces.js';
import { ModelProtoSchema, TensorProto_DataLocation as DataLocation } from '../../lib/graph/onnx_pb.js';
import { OnnxTensor } from '../../lib/graph/onnx-tensor.js';
import { createSession } from '../../lib/session/index.js';
import { choice, DataType, elsewhere, graphModel, integers, node, randomTensor, run, value, weights } from './made-graphs.js';
import { describedModels, fixture, folders, modelPath } from './models.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'foveate-model-file-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string): string => path.join(folder, name);

/** A model with a tensor of 96 KiB, one of 128 KiB and small ones. */
function large(): ModelProto {
  return graphModel({
    inputs: { x: [1, 192] },
    nodes: [
      node('MatMul', ['x', 'a'], 'hidden'),
      node('MatMul', ['hidden', 'b'], 'long'),
      node('Reshape', ['long', 'shape'], 'y'),
    ],
    constants: [weights('a', [192, 128]), weights('b', [128, 256]), integers('shape', [2, 128])],
    outputs: [value('y', [2, 128])],
  });
}

/** Bytes of all tensors, wherever they are. */
async function elements({ proto }: OnnxModel, from: string): Promise<Buffer[]> {
  const pieces = tensorsOf(proto).map(async (tensor) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of new OnnxTensor(tensor, from).chunks()) chunks.push(chunk.slice());
    return Buffer.concat(chunks);
  });
  return Promise.all(pieces);
}

/** The message without elements and where they are. */
function around({ proto }: OnnxModel): ModelProto {
  const copy = fromBinary(ModelProtoSchema, encodeModel(proto));
  for (const tensor of tensorsOf(copy)) {
    const bare = withoutElements(tensor);
    for (const key of Object.keys(tensor)) if (!(key in bare)) delete (tensor as unknown as Record<string, unknown>)[key];
    Object.assign(tensor, bare);
    delete (tensor as unknown as Record<string, unknown>)['rawData'];
    delete (tensor as unknown as Record<string, unknown>)['dataLocation'];
  }
  return copy;
}

const shared = describedModels().filter(([group]) => group === 'shared' && existsSync(folders.shared));
const own = readdirSync(folders.fixtures).flatMap((name) =>
  name.endsWith('.onnx') && name !== 'tensor_types.onnx' && name !== 'everything.onnx' ? [['fixtures', name] as const] : [],
);

describe('a model that is written', () => {
  it.each([...own, ...shared])('%s/%s is the same in one file and in two', async (group, name) => {
    const source = await readModel(modelPath(group, name));
    const before = await elements(source, folders[group]);
    for (const externalData of ['never', 'always'] as const) {
      const written = await writeModel(source.proto, at('m.onnx'), { externalData, folder: folders[group] });
      const again = await readModel(written.path);
      expect(written.bytes).toBe((await stat(written.path)).size);
      expect(isDeepStrictEqual(around(again), around(source))).toBe(true);
      expect(isDeepStrictEqual(await elements(again, folder), before)).toBe(true);
    }
  });

  it.each(['everything.onnx', 'tensor_types.onnx'])('%s is the same, with what the schema does not know', async (name) => {
    const { proto } = parseModel(fixture(name));
    await writeModel(proto, at(name), { externalData: 'never' });
    expect((await readModel(at(name))).proto).toEqual(proto);
  });

  it('has its large tensors in one file, where each can be mapped into memory', async () => {
    const { data, bytes } = await writeModel(large(), at('m.onnx'), { externalData: 'always' });
    expect(data).toEqual({ path: at('m.onnx.data'), bytes: 2 * 65_536 + 131_072 });
    expect(bytes).toBeLessThan(1000);
    const { initializers } = await readModel(at('m.onnx'));
    const places = ['a', 'b', 'shape'].map((name) => initializers.get(name)?.external);
    expect(places).toMatchObject(
      [
        { location: 'm.onnx.data', offset: 0, length: 98_304 },
        { location: 'm.onnx.data', offset: 131_072, length: 131_072 },
        undefined,
      ].map((one) => one ?? undefined) as object[],
    );
    const x = randomTensor('float32', [1, 192], 3);
    await using session = await createSession(at('m.onnx'));
    using result = await session.run({ x });
    expect(Array.from(result.outputs['y']?.data as Float32Array)).toEqual((await run(large(), { x }))['y']?.values);
  });

  it('is one file by default, also where its elements were in another', async () => {
    await writeModel(large(), at('two.onnx'), { externalData: 'always' });
    const source = await readModel(at('two.onnx'));
    expect(await writeModel(source.proto, at('one.onnx'), { folder })).toMatchObject({ data: undefined });
    expect(Buffer.compare(encodeModel((await readModel(at('one.onnx'))).proto), encodeModel(large()))).toBe(0);
  });

  it('may be the one that it was read from', async () => {
    await writeModel(large(), at('m.onnx'), { externalData: 'always' });
    const before = await elements(await readModel(at('m.onnx')), folder);
    await writeModel((await readModel(at('m.onnx'))).proto, at('m.onnx'), { externalData: 'always', folder });
    expect(isDeepStrictEqual(await elements(await readModel(at('m.onnx')), folder), before)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['m.onnx', 'm.onnx.data']);
  });

  it('has constants of subgraphs in it that were elsewhere', async () => {
    await writeFile(at('c.bin'), new Uint8Array(Float32Array.of(3, 4).buffer));
    const constant = (output: string) =>
      node('Constant', [], output, { value: { tensor: elsewhere('c', 'c.bin', DataType.FLOAT) } });
    const model = graphModel({
      inputs: { so: value('so', [], DataType.BOOL) },
      nodes: [choice('so', 'y', constant('p'), constant('q'))],
    });
    await writeModel(model, at('m.onnx'), { folder });
    await rm(at('c.bin'));
    expect(await elements(await readModel(at('m.onnx')), folder)).toEqual(
      [0, 1].map(() => Buffer.from(Float32Array.of(3, 4).buffer)),
    );
    expect(tensorsOf(model)[0]?.dataLocation).toBe(DataLocation.EXTERNAL);
  });
});

describe('a model that cannot be written', () => {
  const external = (): ModelProto =>
    graphModel({
      inputs: { x: [2] },
      nodes: [node('Add', ['x', 'w'], 'y')],
      constants: [elsewhere('w', 'gone.bin', DataType.FLOAT)],
    });

  it('leaves what was there before, and nothing else', async () => {
    await writeModel(large(), at('m.onnx'), { externalData: 'always' });
    const files = () => ['m.onnx', 'm.onnx.data'].map((name) => readFileSync(at(name)));
    const before = files();
    await expect(writeModel(external(), at('m.onnx'), { folder })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    await expect(writeModel(large(), at('m.onnx'), { externalData: 'always', signal: controller.signal })).rejects.toMatchObject({
      code: 'ABORTED',
      cause: controller.signal.reason as Error,
    });
    expect(isDeepStrictEqual(files(), before)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['m.onnx', 'm.onnx.data']);
  });

  it('leaves nothing where its data cannot be put in place', async () => {
    await mkdir(at('m.onnx.data'));
    await expect(writeModel(large(), at('m.onnx'), { externalData: 'always' })).rejects.toMatchObject({
      code: 'OUTPUT_NOT_WRITABLE',
      message: `Cannot write the model ${JSON.stringify(at('m.onnx'))}: ${JSON.stringify(at('m.onnx.data'))} is no regular file`,
    });
    expect(await readdir(folder)).toEqual(['m.onnx.data']);
  });

  it.each([
    ['in a folder that is not there', 'none/m.onnx'],
    ['over a folder', '.'],
  ])('%s', async (_, name) => {
    await expect(writeModel(large(), at(name))).rejects.toMatchObject({
      code: 'OUTPUT_NOT_WRITABLE',
      hint: 'Check that its folder exists and may be written to, and that there is space.',
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it('replaces a link, not what it leads to', async () => {
    await writeFile(at('other'), 'untouched');
    await symlink(at('other'), at('m.onnx'));
    await writeModel(large(), at('m.onnx'));
    expect(readFileSync(at('other'), 'utf8')).toBe('untouched');
    expect((await readModel(at('m.onnx'))).nodes).toHaveLength(3);
  });

  it('above 2 GiB in one file', async () => {
    // Memory that is never touched.
    const half = new Uint8Array(2 ** 30);
    const tensor = { name: 'w', dims: [2n ** 28n], dataType: DataType.FLOAT, rawData: half };
    const model = create(ModelProtoSchema, {
      irVersion: 8n,
      opsetImport: [{ version: 17n }],
      graph: { initializer: [tensor, tensor] },
    });
    await expect(writeModel(model, at('m.onnx'), { externalData: 'never' })).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('for options that mean nothing', async () => {
    await expect(writeModel(large(), at('m'), { externalData: 'some' as 'auto' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    await expect(writeModel(large(), at('m'), { external: 'auto' } as object)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION' });
  });
});

describe('elements in pieces', () => {
  it('come whole from a file of any size, and not into one array above 1 GiB', async () => {
    const count = 2 ** 28 + 1;
    await writeFile(at('w.bin'), Uint8Array.of(1, 2, 3, 4));
    await truncate(at('w.bin'), 4 * count);
    const tensor = { name: 'w', dims: [BigInt(count)], dataType: DataType.FLOAT, dataLocation: DataLocation.EXTERNAL };
    const model = graphModel({
      inputs: {},
      nodes: [],
      constants: [{ ...tensor, externalData: [{ key: 'location', value: 'w.bin' }] }],
    });
    const w = parseModel(encodeModel(model), { folder }).initializers.get('w');
    await expect(w?.read()).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      hint: expect.stringContaining('chunks()') as string,
    });
    let first: Uint8Array | undefined;
    let [bytes, largest] = [0, 0];
    for await (const chunk of w?.chunks() ?? []) {
      first ??= chunk.slice(0, 4);
      bytes += chunk.length;
      largest = Math.max(largest, chunk.length);
    }
    expect({ first, bytes, largest }).toEqual({ first: Uint8Array.of(1, 2, 3, 4), bytes: 4 * count, largest: 32 * 2 ** 20 });
  });

  it('are those of `data`, however they are stored', async () => {
    for (const tensor of parseModel(fixture('tensor_types.onnx')).initializers.values()) {
      const { data } = tensor;
      if (data === undefined) continue;
      const chunks: Uint8Array[] = [];
      for await (const chunk of tensor.chunks()) chunks.push(chunk);
      expect(Buffer.concat(chunks)).toEqual(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    }
  });

  it('are none of strings', async () => {
    const strings = parseModel(
      encodeModel(graphModel({ inputs: {}, nodes: [], constants: [{ name: 's', dims: [0n], dataType: DataType.STRING }] })),
    );
    const chunks = strings.initializers.get('s')?.chunks();
    await expect(chunks?.next()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });
});
