import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FoveateError } from '../../lib/errors/index.js';
import { readModel } from '../../lib/graph/index.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { fixture } from './fixtures.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'foveate-models-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

async function refused(model: unknown): Promise<FoveateError> {
  return rejectionOf(createSession(model as string));
}

describe('a file that is no model', () => {
  it('is not there', async () => {
    expectFailure(await refused(join(folder, 'none.onnx')), 'MODEL_NOT_FOUND', /none\.onnx.*there is no such file/, /path/);
  });

  it('is a folder', async () => {
    expectFailure(await refused(folder), 'MODEL_NOT_FOUND', /it is a folder/, /path/);
  });

  it('is told in the same words by readModel', async () => {
    for (const path of [join(folder, 'none.onnx'), folder, '/dev/null']) {
      expect((await refused(path)).toJSON()).toEqual((await rejectionOf(readModel(path))).toJSON());
    }
  });

  it('is empty', async () => {
    expectFailure(await refused(file('empty.onnx', '')), 'MODEL_INVALID', /is empty/, /complete \.onnx/);
    expectFailure(await refused(new Uint8Array(0)), 'MODEL_INVALID', /received none/, /complete \.onnx/);
  });

  it('is text', async () => {
    expectFailure(
      await refused(file('text.onnx', 'version https://example.org/spec/v1\n')),
      'MODEL_INVALID',
      /text\.onnx/,
      /complete \.onnx/,
    );
    expectFailure(await refused(Buffer.from('<!doctype html>')), 'MODEL_INVALID', /in memory/, /complete \.onnx/);
  });

  it('is a picture', async () => {
    const picture = new URL('../../examples/pictures/star.jpg', import.meta.url);
    expectFailure(await refused(picture), 'MODEL_INVALID', /star\.jpg/, /complete \.onnx/);
  });

  it('is truncated, at any place', async () => {
    const whole = readFileSync(fixture('dynamic.onnx'));
    for (let length = 1; length < whole.length; length += 7) {
      const error = await refused(file('truncated.onnx', whole.subarray(0, length)));
      // What is left may by chance be a message that ends well, but never a model that runs.
      expect(['MODEL_INVALID', 'MODEL_UNSUPPORTED'], `${length}: ${error.message}`).toContain(error.code);
      expect(error.hint).toBeTruthy();
    }
  });

  it('is random', async () => {
    let state = 12345;
    for (let round = 0; round < 20; round++) {
      const bytes = Uint8Array.from({ length: 500 }, () => (state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff) >> 16);
      expect((await refused(bytes)).code).toBe('MODEL_INVALID');
    }
  });

  it.each([undefined, null, '', 7, {}, new ArrayBuffer(4), new URL('https://example.org/model.onnx')])('is %o', async (model) => {
    expectFailure(await refused(model), 'INVALID_ARGUMENT', /path|file: URL/);
  });

  it('has a file: URL that is no path here', async () => {
    expectFailure(await refused(new URL('file://elsewhere/model.onnx')), 'INVALID_ARGUMENT', /model.*file:\/\/elsewhere/);
  });
});

describe('a model that is not supported', () => {
  it.each([
    ['unknown_operator', /Frobnicate/],
    ['unknown_domain', /Frobnicate|nowhere/],
    ['opset_99', /opset|99/],
    ['ir_99', /IR version/],
    ['without_kernel', /BitShift/],
  ])('%s', async (name, message) => {
    expectFailure(await refused(fixture(`${name}.onnx`)), 'MODEL_UNSUPPORTED', message, /older opset|newer ONNX Runtime/);
    expectFailure(await refused(readFileSync(fixture(`${name}.onnx`))), 'MODEL_UNSUPPORTED', message);
  });

  it.each([
    ['string_input', /text.*string/i],
    ['sequence_output', /pieces/],
    ['optional_output', /maybe/],
  ])('%s', async (name, message) => {
    expectFailure(await refused(fixture(`${name}.onnx`)), 'MODEL_UNSUPPORTED', message);
  });

  it('is inconsistent', async () => {
    expectFailure(await refused(fixture('type_error.onnx')), 'MODEL_INVALID', /Type|int64|float/i, /exported|Check/);
  });
});

describe('where a model may come from', () => {
  const x = (): Tensor => new Tensor('float32', new Float32Array([1, 2, 3]), [1, 3]);

  it.each([
    ['a path', (): string => fixture('identity_float32.onnx')],
    ['a file: URL', (): URL => pathToFileURL(fixture('identity_float32.onnx'))],
    ['the text of a file: URL', (): string => pathToFileURL(fixture('identity_float32.onnx')).href],
    ['a Buffer', (): Buffer => readFileSync(fixture('identity_float32.onnx'))],
    [
      'a view into something larger',
      (): Uint8Array => {
        const model = readFileSync(fixture('identity_float32.onnx'));
        const larger = new Uint8Array(model.length + 100).fill(0xff);
        larger.set(model, 37);
        return larger.subarray(37, 37 + model.length);
      },
    ],
  ])('%s', async (_, source) => {
    await using session = await createSession(source());
    using result = await session.run({ x: x() });
    expect([...(result.outputs['y'] as Tensor).data]).toEqual([1, 2, 3]);
  });

  it('a path with spaces and letters of any script', async () => {
    const nested = join(folder, 'ein Ördner 模型 %20');
    mkdirSync(nested);
    const path = join(nested, 'модель.onnx');
    writeFileSync(path, readFileSync(fixture('identity_float32.onnx')));
    for (const source of [path, pathToFileURL(path)]) {
      await using session = await createSession(source);
      expect(session.inputs[0]?.name).toBe('x');
    }
  });
});

describe('external data', () => {
  it('is found beside the model', async () => {
    await using session = await createSession(fixture('external.onnx'));
    using result = await session.run({ x: new Tensor('float32', new Float32Array(256).fill(0.5)) });
    expect((result.outputs['y'] as Tensor<'float32'>).data[255]).toBe(255.5);
  });

  it('is refused where it is missing, or outside the folder', async () => {
    const lonely = file('lonely.onnx', readFileSync(fixture('external.onnx')));
    expectFailure(await refused(lonely), 'MODEL_INVALID', /external data/i, /folder of the model/);
    writeFileSync(join(folder, 'outside.bin'), new Uint8Array(1024));
    mkdirSync(join(folder, 'inner'), { recursive: true });
    const inner = file('inner/outside.onnx', readFileSync(fixture('external_outside.onnx')));
    expectFailure(await refused(inner), 'MODEL_INVALID', /external data/i, /folder of the model/);
  });

  it('is refused where it is too short', async () => {
    mkdirSync(join(folder, 'short'));
    writeFileSync(join(folder, 'short/external.bin'), new Uint8Array(100));
    expectFailure(await refused(file('short/m.onnx', readFileSync(fixture('external.onnx')))), 'MODEL_INVALID', /external.*100/i);
  });

  it('needs a path', async () => {
    expectFailure(
      await refused(readFileSync(fixture('external.onnx'))),
      'MODEL_INVALID',
      /external data/i,
      /open it by its path/,
    );
  });
});
