import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseModel, readModel, type OnnxGraph, type OnnxModel, type OnnxTensor } from '../../lib/graph/index.js';
import { ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { fixture, modelPath } from './models.js';
import { integerField, lengthField, modelBytes, varint } from './wire-writer.js';

describe('the generated code', () => {
  it('is what the schema gives', () => {
    const script = fileURLToPath(new URL('../../scripts/generate-protobuf.mjs', import.meta.url));
    execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe' });
  });
});

describe('sources', () => {
  it.each([
    ['a path', (path: string) => path],
    ['a file: URL', (path: string) => pathToFileURL(path)],
    ['a Buffer', (path: string) => readFile(path)],
    ['a Uint8Array', async (path: string) => new Uint8Array(await readFile(path))],
  ])('reads a model from %s', async (_, sourceOf) => {
    const model = await readModel(await sourceOf(modelPath('fixtures', 'everything.onnx')));
    expect(model.graph.name).toBe('everything');
  });

  it.each([undefined, null, 7, '', {}, new URL('https://example.com/model.onnx')])('refuses %s', async (source) => {
    await expect(readModel(source as string)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('refuses unknown options', async () => {
    await expect(readModel('x', { foldr: '.' } as object)).rejects.toMatchObject({
      code: 'UNKNOWN_OPTION',
      hint: 'Did you mean "folder"?',
    });
  });

  it('stops when aborted', async () => {
    const signal = AbortSignal.abort();
    await expect(readModel(modelPath('fixtures', 'everything.onnx'), { signal })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe('a model with everything in it', () => {
  let model: OnnxModel;
  beforeAll(() => {
    model = parseModel(fixture('everything.onnx'));
  });

  it('tells versions, producer and metadata', () => {
    expect([model.irVersion, model.opset, model.producer]).toEqual([11, 17, 'foveate-tests 1']);
    expect(model.opsets).toEqual(
      new Map([
        ['', 17],
        ['test.foveate', 2],
      ]),
    );
    expect(model.metadata.get('names')).toBe(`{0: 'circle', 1: "it's"}`);
    expect(model.metadata.get('task')).toBe('détection');
    expect(model.metadata.get('empty')).toBe('');
  });

  it('describes inputs of every kind', () => {
    expect(model.inputs).toEqual([
      { name: 'x', kind: 'tensor', dtype: 'float32', shape: ['batch', 3, null, null, null] },
      { name: 'scalar', kind: 'tensor', dtype: 'float32', shape: [] },
      { name: 'n', kind: 'tensor', dtype: 'string', shape: null },
      { name: 'seq', kind: 'sequence', dtype: 'float16', shape: ['n'] },
      { name: 'opt', kind: 'optional', dtype: 'float16', shape: ['n'] },
      { name: 'map', kind: 'map', dtype: 'float32', shape: [4] },
      { name: 'sparse', kind: 'sparse-tensor', dtype: 'float64', shape: [2, 2] },
      { name: 'c', kind: 'tensor', dtype: 'bool', shape: [] },
    ]);
  });

  it('gives attributes as plain values', () => {
    const node = model.nodes[0];
    expect([node?.name, node?.opType, node?.domain]).toEqual(['odd', 'Odd', 'test.foveate']);
    expect([node?.inputs, node?.outputs]).toEqual([['x', '', 'n'], ['o']]);
    const { t, tensors, tp, ...plain } = Object.fromEntries(node?.attributes ?? []);
    expect(plain).toEqual({
      f: 0.5,
      i: -3,
      huge: 2n ** 63n - 1n,
      s: 'text',
      floats: [0.25, -1.5],
      ints: [1, -(2n ** 60n)],
      strings: ['a', 'b'],
      none: [],
      bytes: Uint8Array.of(0xff, 0),
      implied: 4,
    });
    expect((t as OnnxTensor).data).toEqual(BigInt64Array.of(7n, 8n));
    expect((tensors as OnnxTensor[])[0]?.data).toEqual(BigInt64Array.of(7n, 8n));
    expect(tp).toMatchObject({ $typeName: 'onnx.TypeProto' });
    expect(node?.attributes).toBe(node?.attributes);
  });

  it('gives subgraphs as graphs', () => {
    const branches = [...(model.nodes[1]?.attributes.values() ?? [])] as OnnxGraph[];
    const values = branches.map(({ name, nodes }) => [name, (nodes[0]?.attributes.get('value') as OnnxTensor).data]);
    expect(new Map(values as [string, Float32Array][])).toEqual(
      new Map([
        ['yes', Float32Array.of(1, 2)],
        ['no', Float32Array.of(3, 4)],
      ]),
    );
  });

  it('keeps fields that the schema does not know', () => {
    expect(model.proto.$unknown?.map(({ no }) => no)).toEqual([26]);
    expect(model.nodes[0]?.proto.$unknown?.map(({ no }) => no)).toEqual([10]);
    const again = fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, model.proto));
    expect(again.$unknown).toEqual(model.proto.$unknown);
    expect(again.graph?.node[0]?.$unknown).toEqual(model.nodes[0]?.proto.$unknown);
  });

  it('cannot be changed by accident', () => {
    expect(Object.isFrozen(model.inputs) && Object.isFrozen(model.inputs[0]) && Object.isFrozen(model.inputs[0]?.shape)).toBe(
      true,
    );
    expect(Object.isFrozen(model.nodes)).toBe(true);
  });
});

describe('older and odder files', () => {
  it('leaves initializers, also sparse ones, out of the inputs', () => {
    const model = parseModel(fixture('inputs_with_initializers.onnx'));
    expect(model.inputs.map(({ name }) => name)).toEqual(['x']);
    expect([...model.initializers.keys()]).toEqual(['w']);
    expect(model.graph.proto.input.map(({ name }) => name)).toEqual(['w', 'x', 's']);
  });

  it('takes the first operator set where IR version 1 or 2 names none', () => {
    const model = parseModel(Uint8Array.from([...integerField(1, 2), ...lengthField(7, [])]));
    expect([model.opset, model.opsets.size]).toEqual([1, 0]);
  });

  it('knows no ONNX operator set where only others are imported', () => {
    const opset = lengthField(8, [...lengthField(1, 'ai.onnx.ml'), ...integerField(2, 3)]);
    const model = parseModel(Uint8Array.from([...integerField(1, 8), ...lengthField(7, []), ...opset]));
    expect([model.opset, model.opsets.get('ai.onnx.ml')]).toEqual([undefined, 3]);
  });

  it('takes ai.onnx as the name of the default domain', () => {
    const opset = lengthField(8, [...lengthField(1, 'ai.onnx'), ...integerField(2, 13)]);
    expect(parseModel(Uint8Array.from([...integerField(1, 8), ...lengthField(7, []), ...opset])).opset).toBe(13);
  });

  it('keeps attributes and metadata named like members of Object.prototype', () => {
    const attribute = lengthField(5, [...lengthField(1, '__proto__'), ...integerField(3, 1), ...integerField(20, 2)]);
    const entry = lengthField(14, [...lengthField(1, '__proto__'), ...lengthField(2, 'v')]);
    const model = parseModel(Uint8Array.from([...modelBytes(lengthField(1, attribute)), ...entry]));
    expect(model.nodes[0]?.attributes.get('__proto__')).toBe(1);
    expect(model.metadata.get('__proto__')).toBe('v');
  });

  it('reads lists of numbers packed, one by one, and in several records', () => {
    const one = [0, 0, 128, 63];
    const two = [0, 0, 0, 64];
    for (const floats of [
      lengthField(7, [...one, ...two]),
      [61, ...one, 61, ...two],
      [...lengthField(7, one), ...lengthField(7, two)],
    ]) {
      const attribute = lengthField(5, [...lengthField(1, 'scales'), ...integerField(20, 6), ...floats]);
      expect(parseModel(modelBytes(lengthField(1, attribute))).nodes[0]?.attributes.get('scales')).toEqual([1, 2]);
    }
    const sizes = [lengthField(1, [...varint(2), ...varint(1)]), [...integerField(1, 2), ...integerField(1, 1)]];
    const elements = [lengthField(4, [...one, ...two]), [...lengthField(4, one), ...lengthField(4, two)]];
    for (const tensor of sizes.flatMap((dims) => elements.map((floats) => [...dims, ...integerField(2, 1), ...floats]))) {
      const weight = parseModel(modelBytes(lengthField(5, [...tensor, ...lengthField(8, 'w')]))).initializers.get('w');
      expect(weight).toMatchObject({ dims: [2, 1], data: Float32Array.of(1, 2) });
    }
  });
});

describe('tensors', () => {
  const model = parseModel(fixture('tensor_types.onnx'));
  const dataOf = (name: string) => model.initializers.get(name)?.data;

  it('has the typed array of the dtype, from a list or raw', () => {
    for (const prefix of ['list', 'raw']) {
      expect(dataOf(`${prefix}_float32`)).toEqual(Float32Array.of(0, -0.5, 1, -1.5, 2));
      expect(dataOf(`${prefix}_float16`)).toEqual(Uint16Array.of(0, 0xb800, 0x3c00, 0xbe00, 0x4000));
      expect(dataOf(`${prefix}_bfloat16`)).toEqual(Uint16Array.of(0, 0xbf00, 0x3f80, 0xbfc0, 0x4000));
      expect(dataOf(`${prefix}_int8`)).toEqual(Int8Array.of(0, -9, -18, -27, -36));
      expect(dataOf(`${prefix}_uint32`)).toEqual(Uint32Array.of(0, 2 ** 30 + 1, 2, 2 ** 30 + 3, 4));
      expect(dataOf(`${prefix}_uint64`)).toBeInstanceOf(BigUint64Array);
      expect(dataOf(`${prefix}_bool`)).toEqual(Uint8Array.of(0, 1, 0, 1, 0));
      expect(dataOf(`${prefix}_int4`)).toEqual(Uint8Array.of(0x10, 0x10, 0));
      expect(dataOf(`${prefix}_uint2`)).toEqual(Uint8Array.of(0b01000100, 0));
      expect(dataOf(`${prefix}_complex64`)).toHaveLength(10);
    }
    expect(model.initializers.get('scalar')).toMatchObject({ dims: [], elementCount: 1, data: Float32Array.of(3.25) });
    expect(model.initializers.get('none')).toMatchObject({ dims: [0, 3], elementCount: 0, data: new Float32Array(0) });
    expect(dataOf('none_raw')).toEqual(new BigInt64Array(0));
  });

  it('keeps strings apart', async () => {
    const tensor = model.initializers.get('list_string');
    expect(tensor?.strings).toEqual(['grün', 'b']);
    expect(tensor?.data).toBeUndefined();
    expect(model.initializers.get('scalar')?.strings).toBeUndefined();
    await expect(tensor?.read()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });

  it('shows elements where they are, and copies them only if they are misaligned', () => {
    const raw = [0, 0, 128, 63, 0, 0, 0, 64];
    const tensor = [...integerField(1, 2), ...integerField(2, 1), ...lengthField(8, 'w'), ...lengthField(9, raw)];
    const aligned = new Set<boolean>();
    for (let padding = 0; padding < 4; padding++) {
      const bytes = modelBytes([...lengthField(2, 'n'.repeat(padding)), ...lengthField(5, tensor)]);
      const weight = parseModel(bytes).initializers.get('w') as OnnxTensor;
      const isAligned = weight.proto.rawData.byteOffset % 4 === 0;
      aligned.add(isAligned);
      expect(weight.data).toEqual(Float32Array.of(1, 2));
      expect(weight.data?.buffer === bytes.buffer).toBe(isAligned);
      expect(weight.proto.rawData.buffer).toBe(bytes.buffer);
      expect(weight.data).toBe(weight.data);
    }
    expect(aligned).toEqual(new Set([true, false]));
  });

  it('leaves elements of a type that is not known yet alone', async () => {
    const tensor = [...integerField(1, 2), ...integerField(2, 99), ...lengthField(8, 'w'), ...lengthField(9, [1, 2, 3])];
    const weight = parseModel(modelBytes(lengthField(5, tensor))).initializers.get('w') as OnnxTensor;
    expect([weight.dtype, weight.data, weight.byteLength]).toEqual(['unknown', undefined, undefined]);
    expect(weight.proto.rawData).toEqual(Uint8Array.of(1, 2, 3));
    await expect(weight.read()).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });

  it.each([
    ['too few raw bytes', [integerField(1, 2), integerField(2, 1), lengthField(9, [0, 0, 0, 0])], 'expected 8 bytes'],
    ['too many list entries', [integerField(1, 1), integerField(2, 7), lengthField(7, [1, 2])], 'expected 1 list entries'],
    ['a list of another type', [integerField(1, 1), integerField(2, 1), lengthField(7, [1])], 'received 0'],
    ['half a complex number', [integerField(1, 1), integerField(2, 14), lengthField(4, [0, 0, 0, 0])], 'expected 8 bytes'],
    ['too few strings', [integerField(1, 2), integerField(2, 8), lengthField(6, 'a')], 'expected 2 strings'],
    ['a negative dimension', [integerField(1, -1), integerField(2, 1)], 'it has a dimension of -1'],
    ['a huge dimension', [integerField(1, 2n ** 62n), integerField(2, 1)], 'it has a dimension of 4611686018427387904'],
    ['a huge product', [integerField(1, 2 ** 40), integerField(1, 2 ** 40), integerField(2, 1)], 'has too many elements'],
    ['no type', [integerField(1, 0)], 'it has no element type'],
  ])('refuses %s', (_, records, message) => {
    const bytes = modelBytes(lengthField(5, [...records.flat(), ...lengthField(8, 'w')]));
    expect(() => parseModel(bytes)).toThrow(
      expect.objectContaining({ code: 'MODEL_INVALID', message: expect.stringContaining(message) }) as Error,
    );
    expect(() => parseModel(bytes)).toThrow('tensor "w"');
  });
});
