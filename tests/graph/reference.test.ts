import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { readModel, type OnnxTensor, type TensorData } from '../../lib/graph/index.js';
import { ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { float16BitsToFloat32 } from '../../lib/tensor/index.js';
import { fixture, modelPath, type Group } from './models.js';

interface ExpectedTensor {
  name: string;
  dtype: string;
  dims: number[];
  sha256?: string;
  strings?: string[];
  /** Text for integers. */
  sum?: string | number;
}
interface ExpectedModel {
  irVersion: number;
  opsets: Record<string, number>;
  producer: string;
  metadata: Record<string, string>;
  inputs: { name: string; kind: string; dtype?: string; shape?: (number | string | null)[] | null }[];
  outputs: ExpectedModel['inputs'];
  operators: Record<string, number>;
  initializers: { count: number; digest: string; listed: ExpectedTensor[] };
  canonical: boolean;
}

/** Written by the onnx package: tests/reference/onnx_reader.py. */
const expectedModels = JSON.parse(new TextDecoder().decode(fixture('expected.json'))) as Record<
  Group,
  Record<string, ExpectedModel>
>;

/** Names of the onnx package for the kinds of values. */
const kinds: Record<string, string> = {
  tensor: 'tensor',
  'sparse-tensor': 'sparse_tensor_type',
  sequence: 'sequence_type',
  map: 'map_type',
  optional: 'optional_type',
};

async function shaOf(tensor: OnnxTensor): Promise<string | undefined> {
  if (tensor.dtype === 'string') return undefined;
  const data = await tensor.read();
  return createHash('sha256')
    .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    .digest('hex');
}

function sumOf(tensor: OnnxTensor, data: TensorData): string | number {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    return String([...data].reduce((sum, value) => sum + value, 0n));
  }
  const numbers = tensor.dtype === 'float16' ? Array.from(data, float16BitsToFloat32) : Array.from(data);
  const sum = numbers.reduce((total, value) => total + value, 0);
  return tensor.dtype.startsWith('float') ? sum : String(sum);
}

for (const [group, models] of Object.entries(expectedModels) as [Group, Record<string, ExpectedModel>][]) {
  describe.each(Object.entries(models))(`${group}/%s as the onnx package reads it`, (name, expected) => {
    const file = modelPath(group, name);
    const missing = !existsSync(file);

    it.skipIf(missing)('has the same interface, metadata and operators', async () => {
      const model = await readModel(file);
      expect(model.irVersion).toBe(expected.irVersion);
      expect(Object.fromEntries(model.opsets)).toEqual(expected.opsets);
      expect(model.opset).toBe(expected.opsets['']);
      expect(model.producer).toBe(expected.producer);
      expect(Object.fromEntries(model.metadata)).toEqual(expected.metadata);
      const interfaceOf = (values: typeof model.inputs) =>
        values.map(({ name, kind, dtype, shape }) =>
          kind === 'tensor' ? { name, kind, dtype, shape } : { name, kind: kinds[kind] },
        );
      expect(interfaceOf(model.inputs)).toEqual(expected.inputs);
      expect(interfaceOf(model.outputs)).toEqual(expected.outputs);
      const operators: Record<string, number> = {};
      for (const { opType } of model.nodes) operators[opType] = (operators[opType] ?? 0) + 1;
      expect(operators).toEqual(expected.operators);
    });

    it.skipIf(missing)('has the same initializers, to the byte', async () => {
      const model = await readModel(file);
      expect(model.initializers.size).toBe(expected.initializers.count);
      const digest = createHash('sha256');
      for (const tensor of model.initializers.values()) {
        digest.update(`${tensor.name}|${tensor.dtype}|${tensor.dims.join(',')}|${(await shaOf(tensor)) ?? ''}\n`);
      }
      for (const listed of expected.initializers.listed) {
        const tensor = model.initializers.get(listed.name) as OnnxTensor;
        expect({ name: tensor.name, dtype: tensor.dtype, dims: tensor.dims }).toEqual({
          name: listed.name,
          dtype: listed.dtype,
          dims: listed.dims,
        });
        expect(tensor.strings, listed.name).toEqual(listed.strings);
        expect(await shaOf(tensor), listed.name).toBe(listed.sha256);
        if (typeof listed.sum === 'number') expect(sumOf(tensor, await tensor.read()), listed.name).toBeCloseTo(listed.sum, 3);
        if (typeof listed.sum === 'string') expect(sumOf(tensor, await tensor.read()), listed.name).toBe(listed.sum);
      }
      expect(digest.digest('hex')).toBe(expected.initializers.digest);
    });

    it.skipIf(missing)('is written back as it was', async () => {
      const bytes = readFileSync(file);
      const written = toBinary(ModelProtoSchema, (await readModel(file)).proto);
      const again = fromBinary(ModelProtoSchema, written);
      // Not `toEqual`, which takes a minute for the elements of a model.
      expect(isDeepStrictEqual(again, fromBinary(ModelProtoSchema, new Uint8Array(bytes)))).toBe(true);
      if (expected.canonical) expect(Buffer.compare(written, bytes)).toBe(0);
    });
  });
}
