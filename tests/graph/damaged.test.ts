import { existsSync } from 'node:fs';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelError } from '../../lib/errors/index.js';
import { OnnxTensor } from '../../lib/graph/onnx-tensor.js';
import { ModelProtoSchema } from '../../lib/graph/onnx_pb.js';
import { parseModel, readModel, type OnnxGraph } from '../../lib/graph/index.js';
import { describedModels, fixture, modelPath } from './models.js';
import { integerField, lengthField, modelBytes } from './wire-writer.js';

function errorOf(bytes: Uint8Array): ModelError {
  try {
    parseModel(bytes);
  } catch (error) {
    if (error instanceof ModelError) return error;
    throw error;
  }
  throw new Error('expected a ModelError');
}

/** Looks at all that is made on demand; returns false where the model is refused, and throws whatever is not a MODEL_INVALID. */
function survives(bytes: Uint8Array): boolean {
  try {
    lookAt(parseModel(bytes).graph);
    return true;
  } catch (error) {
    if (error instanceof ModelError && error.code === 'MODEL_INVALID' && error.hint !== undefined) return false;
    throw error;
  }
}

function lookAt(graph: OnnxGraph): void {
  for (const tensor of graph.initializers.values()) void [tensor.data, tensor.strings];
  for (const node of graph.nodes) {
    for (const value of node.attributes.values()) if (value instanceof OnnxTensor) void value.data;
  }
}

/**
 * Length of the part that a model cannot do without: all up to the first operator set, in a file with its fields in order. What follows
 * (metadata, functions, training) may be missing without anybody being able to tell, if the cut is just between two fields.
 */
function neededLength(bytes: Uint8Array): number {
  const { irVersion, producerName, producerVersion, domain, modelVersion, docString, graph, opsetImport } =
    parseModel(bytes).proto;
  const versions = { irVersion, producerName, producerVersion, domain, modelVersion, docString };
  const present = Object.fromEntries(Object.entries(versions).filter(([, value]) => value !== '' && value !== 0n));
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { ...present, graph, opsetImport: opsetImport.slice(0, 1) })).length;
}

/** Deterministic pseudo-random integers below `limit` (xorshift32, Marsaglia 2003). */
function randomIntegers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

describe('files that are no models', () => {
  const text = (content: string) => Buffer.from(content);
  it.each([
    ['it looks like a PNG picture', Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1')],
    ['it looks like a JPEG picture', Buffer.from('\xff\xd8\xff\xe0\0\x10JFIF', 'latin1')],
    ['it looks like a WebP picture', text('RIFF\0\0\0\0WEBPVP8 ')],
    ['it looks like a zip archive', text('PK\x03\x04archive/data.pkl')],
    ['it looks like a Python pickle', Buffer.from('\x80\x02}q\0', 'latin1')],
    ['it looks like a TensorFlow Lite model', text('\x1c\0\0\0TFL3\0\0')],
    ['it looks like an ONNX Runtime (.ort) model', text('\x10\0\0\0ORTM\0\0')],
    ['it looks like an HDF5 file', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1')],
    ['it looks like a safetensors file', text('\x40\0\0\0\0\0\0\0{"weight":{}}')],
    ['it looks like a gzip archive', gzipSync('model')],
    ['it looks like a program or shared library', text('\x7fELF\x02\x01')],
    ['it looks like a Git LFS pointer', text('version https://git-lfs.github.com/spec/v1\noid sha256:0')],
    ['it looks like a web page', text('<!DOCTYPE html><title>404</title>')],
    ['it looks like XML', text('<?xml version="1.0"?><net/>')],
    ['it looks like JSON', text('{"error": "not found"}')],
    ['it looks like text', text('hello world\n')],
    ['it looks like a run of zero bytes', new Uint8Array(4096)],
    ['the file is empty (0 bytes)', new Uint8Array(0)],
    ['it has no graph', Uint8Array.from(integerField(1, 8))],
    ['it has no IR version', Uint8Array.from(lengthField(7, []))],
    ['it names no operator set', Uint8Array.from([...integerField(1, 3), ...lengthField(7, [])])],
    ['it has no IR version', Uint8Array.from([...integerField(1, -1), ...lengthField(7, [])])],
  ])('says that %s', (expected, bytes) => {
    const error = errorOf(bytes);
    expect(error.code).toBe('MODEL_INVALID');
    expect(error.message).toContain(expected);
    expect(error.hint).toMatch(/\.$/);
  });

  it('does not take a model for text because of its first bytes', () => {
    // Fields may come in any order: this file begins with the producer's name.
    const bytes = Uint8Array.from([...lengthField(2, 'MZ text'), ...modelBytes([])]);
    expect(parseModel(bytes).producer).toBe('MZ text');
  });
});

describe('files that cannot be read', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'foveate-graph-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('says that there is no such file, and where it looked', async () => {
    const missing = path.join(folder, 'missing.onnx');
    await expect(readModel(missing)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: `Cannot read the model ${JSON.stringify(missing)}: there is no such file`,
      details: { path: missing },
    });
  });

  it('says that it was given a folder', async () => {
    await expect(readModel(folder)).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining('it is a folder'),
    });
  });

  it('does not wait for something that is not a regular file', async () => {
    await expect(readModel('/dev/zero')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  });

  it('refuses a path with a zero byte', async () => {
    await expect(readModel('a\0b.onnx')).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it('names the file in what it says about its contents', async () => {
    const file = path.join(folder, 'empty.onnx');
    await writeFile(file, '');
    await expect(readModel(file)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: `${JSON.stringify(file)}: Expected an ONNX model but the file is empty (0 bytes)`,
    });
  });

  it('refuses a file larger than protobuf can be, without reading it', async () => {
    const file = path.join(folder, 'huge.onnx');
    const handle = await open(file, 'w');
    await handle.truncate(3 * 2 ** 30); // sparse: takes no space
    await handle.close();
    await expect(readModel(file)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      message: expect.stringContaining('has 3221225472'),
      hint: expect.stringContaining('external data'),
    });
  });
});

describe('damage', () => {
  describe.each(describedModels())('%s/%s', (group, name) => {
    const file = modelPath(group, name);
    it.skipIf(!existsSync(file))('is refused when cut at any hundredth', async () => {
      const bytes = new Uint8Array(await readFile(file));
      const needed = neededLength(bytes);
      for (let percent = 0; percent < 100; percent++) {
        const length = Math.floor((bytes.length * percent) / 100);
        const read = survives(bytes.subarray(0, length));
        if (length < needed) expect(read, `${percent} %`).toBe(false);
      }
    });
  });

  it('a model cut anywhere is refused', () => {
    for (const name of ['everything.onnx', 'tensor_types.onnx', 'external.onnx', 'inputs_with_initializers.onnx']) {
      const bytes = fixture(name);
      const needed = neededLength(bytes);
      const read = Array.from(bytes, (_, length) => survives(bytes.subarray(0, length)));
      expect(read.slice(0, needed), name).not.toContain(true);
      expect(read.slice(needed).filter(Boolean).length, name).toBeLessThan(8);
    }
  });

  it.skipIf(!existsSync(modelPath('shared', 'yolov8n_fp32.onnx')))('says how much of a cut file is missing', async () => {
    const bytes = await readFile(modelPath('shared', 'yolov8n_fp32.onnx'));
    const error = errorOf(bytes.subarray(0, 5_000_000));
    expect(error.message).toMatch(
      /the file ends too early, after 5000000 bytes: \d+ bytes are announced and \d+ follow at byte \d+ in graph$/,
    );
    expect(error.hint).toBe('The file is truncated: copy or download it again.');
  });

  it('a model with flipped bits is read or refused', () => {
    const random = randomIntegers(20240607);
    const outcomes = { read: 0, refused: 0 };
    for (const name of ['everything.onnx', 'tensor_types.onnx', 'external.onnx', 'inputs_with_initializers.onnx']) {
      for (let round = 0; round < 5000; round++) {
        const bytes = new Uint8Array(fixture(name));
        for (let flips = 1 + random(4); flips > 0; flips--) {
          const at = random(bytes.length);
          bytes[at] = (bytes[at] as number) ^ (1 << random(8));
        }
        outcomes[survives(bytes) ? 'read' : 'refused']++;
      }
    }
    // Both kinds must have been met, or the test looks at nothing.
    expect(outcomes.read).toBeGreaterThan(1000);
    expect(outcomes.refused).toBeGreaterThan(1000);
  });

  it('random bytes behind a valid beginning are refused', () => {
    const random = randomIntegers(7);
    for (let round = 0; round < 2000; round++) {
      const bytes = Uint8Array.from([...integerField(1, 8), ...Array.from({ length: 40 }, () => random(256))]);
      expect(survives(bytes)).toBe(false);
    }
  });
});
