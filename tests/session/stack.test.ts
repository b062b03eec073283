/** The stack of an error leads to whoever called, also where the failure came from a lane. */
import { describe, expect, it } from 'vitest';
import { native, settle } from '../../lib/binding/index.js';
import { Preprocess } from '../../lib/image/index.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { rejectionOf } from '../errors/failure.js';
import { fixture } from './fixtures.js';

/** The functions of this file are called so that the stack can be looked for them. */
async function callerOfRun(): Promise<unknown> {
  await using session = await createSession(fixture('gather.onnx'));
  const x = new Tensor('float32', new Float32Array(4));
  return await session.run({ x, indices: new Tensor('int64', BigInt64Array.of(99n)) });
}

async function callerOfOpen(): Promise<unknown> {
  return await createSession(fixture('unknown_operator.onnx'));
}

async function callerOfPreprocess(): Promise<unknown> {
  return await Preprocess.preset('yolo').run(new Uint8Array([0xff, 0xd8, 0xff, 0]));
}

describe('the stack of a failure on a lane', () => {
  it.each([
    ['of a run', callerOfRun, 'ENGINE_FAILED'],
    ['of opening a model', callerOfOpen, 'MODEL_UNSUPPORTED'],
    ['of preprocessing', callerOfPreprocess, 'MEDIA_INVALID'],
  ])('%s names the caller', async (_, caller, code) => {
    const error = await rejectionOf(caller());
    expect(error.code).toBe(code);
    expect(error.stack).toContain(caller.name);
    expect(error.stack).toContain('stack.test');
    expect(error.stack?.split('\n')[0]).toBe(`${error.name}: ${error.message.split('\n')[0]}`);
  });

  it('of a fault of our own keeps what was thrown', async () => {
    const error = await rejectionOf(settle(() => native().sessionClose({} as never)));
    expect(error.code).toBe('INTERNAL');
    expect(error.hint).toMatch(/report/);
    expect(error.cause).toBeInstanceOf(TypeError);
  });
});
