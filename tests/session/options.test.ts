import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { availableParallelism } from 'node:os';
import { describe, expect, it, vi } from 'vitest';
import type { SessionOpenEvent, SessionRunEvent } from '../../lib/events/index.js';
import { nativeSessionOptions } from '../../lib/session/options.js';
import type { LogEvent } from '../../lib/events/index.js';
import { createSession, type SessionOptions } from '../../lib/session/index.js';
import { Detector } from '../../lib/tasks/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { fixture } from './fixtures.js';

const model = fixture('identity_float32.onnx');
const x = (): Tensor => new Tensor('float32', new Float32Array([1, 2, 3]), [1, 3]);

describe('bad options', () => {
  it.each([
    [{ devise: 'cpu' }, 'UNKNOWN_OPTION', /"devise"/, /"device"/],
    [{ device: 'gpu' }, 'INVALID_ARGUMENT', /one of auto, cpu, cuda, tensorrt, tensorrt-rtx for device/, /"cpu"/],
    [{ device: 'tensor-rt' }, 'INVALID_ARGUMENT', /for device but received "tensor-rt"/, /"tensorrt"/],
    [{ threads: 0 }, 'INVALID_ARGUMENT', /integer from 1 to 1024 for threads but received 0/],
    [{ threads: '4' }, 'INVALID_ARGUMENT', /for threads but received "4"/],
    [{ interOpThreads: 1.5 }, 'INVALID_ARGUMENT', /for interOpThreads but received 1\.5/],
    [{ lanes: 65 }, 'INVALID_ARGUMENT', /from 1 to 64 for lanes/],
    [{ spinning: 1 }, 'INVALID_ARGUMENT', /true or false for spinning/],
    [{ memoryPattern: 'no' }, 'INVALID_ARGUMENT', /true or false for memoryPattern/],
    [{ graphOptimization: 'al' }, 'INVALID_ARGUMENT', /for graphOptimization/, /"all"/],
    [{ providerOptions: 'device_id=1' }, 'INVALID_ARGUMENT', /object of strings for providerOptions/],
    [{ providerOptions: { device_id: 1 } }, 'INVALID_ARGUMENT', /a string for providerOptions\.device_id/],
    [
      { device: 'cpu', providerOptions: { device_id: '1' } },
      'INVALID_ARGUMENT',
      /none with device 'cpu' for providerOptions/,
      /leave/,
    ],
    [{ build: 'always' }, 'INVALID_ARGUMENT', /one of never, on-load, background for build/],
    [{ trust: 'yes' }, 'INVALID_ARGUMENT', /true or false for trust/],
    [{ gpus: 0 }, 'INVALID_ARGUMENT', /an array of ordinals for gpus/],
    [{ gpus: [] }, 'INVALID_ARGUMENT', /an array of ordinals for gpus/],
    [{ gpus: [0, -1] }, 'INVALID_ARGUMENT', /gpus\[1\] but received -1/],
    [{ gpus: [1, 1] }, 'INVALID_ARGUMENT', /each GPU once for gpus/],
    [{ cudaGraphs: 1 }, 'INVALID_ARGUMENT', /true or false for cudaGraphs/],
    [{ onBuildProgress: {} }, 'INVALID_ARGUMENT', /a function for onBuildProgress/],
    [{ tensorrtPath: 5 }, 'INVALID_ARGUMENT', /a path for tensorrtPath/],
    [{ config: null }, 'INVALID_ARGUMENT', /object of strings for config/],
    [{ onnxruntimePath: 5 }, 'INVALID_ARGUMENT', /a path for onnxruntimePath/],
    [{ signal: {} }, 'INVALID_ARGUMENT', /an AbortSignal for signal/],
  ] as const)('%o', async (options, code, message, hint?: RegExp) => {
    expectFailure(await rejectionOf(createSession(model, options as never)), code, message, hint);
  });

  const ofEngines = { build: 'on-load', onBuildProgress: () => 0, trust: true, gpus: [0], cudaGraphs: true };
  const ofOnnxRuntime = {
    ...{ threads: 1, interOpThreads: 1, spinning: true, memoryPattern: false, graphOptimization: 'all' },
    ...{ config: {}, providerOptions: {} },
  };
  it.each([
    ['cpu', ofEngines, /engines of TensorRT.*'auto' takes it/],
    ['cuda', ofEngines, /engines of TensorRT.*'auto' takes it/],
    ['tensorrt', ofOnnxRuntime, /ONNX Runtime.*'auto' takes it/],
    ['tensorrt-rtx', ofOnnxRuntime, /ONNX Runtime.*'auto' takes it/],
  ])("that the device '%s' would ignore", async (device, options, hint) => {
    for (const [name, value] of Object.entries(options)) {
      const expected = new RegExp(`none with device '${device}' for ${name}`);
      for (const open of [createSession, Detector.load] as const) {
        const error = await rejectionOf(open(model, { device, [name]: value } as never));
        expectFailure(error, 'INVALID_ARGUMENT', expected, hint);
      }
    }
  });

  it.each([null, 'cpu', [1]])('%o instead of options', async (options) => {
    expectFailure(await rejectionOf(createSession(model, options as never)), 'INVALID_ARGUMENT', /object of options/);
  });

  it('that only the engine knows', async () => {
    const bytes = { config: { 'session.use_ort_model_bytes_directly': '1' } };
    expectFailure(
      await rejectionOf(createSession(new Uint8Array(4), bytes)),
      'INVALID_ARGUMENT',
      /session\.use_ort_model_bytes_directly/,
    );
    const long = { config: { ['k'.repeat(5000)]: '1' } };
    expectFailure(await rejectionOf(createSession(model, long)), 'INVALID_ARGUMENT', /configuration entry/);
  });
});

/** Without a library, without a GPU, or without an engine of the model. */
function expectedOf(code: string): unknown {
  return ['BACKEND_NOT_FOUND', 'BACKEND_UNAVAILABLE', 'ENGINE_NOT_BUILT'].includes(code) ? code : 'one of TensorRT';
}

describe('a device that is not there', () => {
  it.each(['cuda', 'tensorrt', 'tensorrt-rtx'] as const)('%s is an error, not another device', async (device) => {
    // Where this machine has CUDA, being strict means to use it.
    const outcome = await createSession(model, { device }).then(
      async (session) => {
        await session.dispose();
        return session.device;
      },
      (error: { code: string; message: string; hint: string }) => error,
    );
    if (typeof outcome === 'string') expect(outcome).toBe(device);
    else expect(outcome.code).toBe(device === 'cuda' ? 'BACKEND_UNAVAILABLE' : expectedOf(outcome.code));
  });
});

describe('good options', () => {
  it.each<SessionOptions>([
    {},
    { device: 'cpu' },
    { threads: 1, interOpThreads: 2, lanes: 2, spinning: true },
    { graphOptimization: 'disabled' },
    { graphOptimization: 'basic', spinning: false, memoryPattern: false },
    { config: { 'session.set_denormal_as_zero': '1' } },
    { providerOptions: {} },
    { signal: new AbortController().signal },
  ])('%o', async (options) => {
    await using session = await createSession(model, options);
    using result = await session.run({ x: x() });
    expect([...(result.outputs['y'] as Tensor).data]).toEqual([1, 2, 3]);
    expect(session.lanes).toBe(options.lanes ?? 1);
  });

  it('share the cores among the lanes, which do not spin unless they are told to', () => {
    const cores = availableParallelism();
    expect(nativeSessionOptions({}, 'cpu')).toMatchObject({
      intraOpThreads: cores,
      intraOpSpinning: false,
      lanes: 1,
      providers: [],
    });
    expect(nativeSessionOptions({ lanes: cores * 2 }, 'cpu')).toMatchObject({ intraOpThreads: 1 });
    expect(nativeSessionOptions({ spinning: true }, 'cpu')).toMatchObject({ intraOpSpinning: true });
    expect(nativeSessionOptions({}, 'cpu')).toMatchObject({ memoryPattern: true });
    expect(nativeSessionOptions({ memoryPattern: false }, 'cpu')).toMatchObject({ memoryPattern: false });
    expect(nativeSessionOptions({ providerOptions: { device_id: '1' } }, 'cuda').providers).toEqual([
      { name: 'cuda', options: { device_id: '1' } },
    ]);
  });
});

describe('events', () => {
  it('tell of sessions and runs', async () => {
    const events: unknown[] = [];
    const keep = (event: unknown): void => void events.push(event);
    subscribe('foveate:session.open', keep);
    subscribe('foveate:session.run', keep);
    try {
      await using session = await createSession(model);
      (await session.run({ x: x() })).dispose();
    } finally {
      unsubscribe('foveate:session.open', keep);
      unsubscribe('foveate:session.run', keep);
    }
    const [opened, ran] = events as [SessionOpenEvent, SessionRunEvent];
    expect(events).toHaveLength(2);
    expect(opened).toMatchObject({ model, device: 'cpu' });
    expect(opened.runtime).toMatch(/^onnxruntime 1\./);
    expect(opened.loadMs).toBeGreaterThan(0);
    expect(ran).toMatchObject({ model, copiedBytes: 12 });
    expect(ran.computeMs).toBeGreaterThan(0);
  });

  it('tell what the engine warns of, with the model it is about', async () => {
    const lines: LogEvent[] = [];
    const keep = (message: unknown): unknown => lines.push(message as LogEvent);
    subscribe('foveate:log', keep);
    try {
      const session = await createSession(fixture('default_input.onnx'));
      await session.dispose();
      await vi.waitFor(() => expect(lines).not.toEqual([]));
    } finally {
      unsubscribe('foveate:log', keep);
    }
    expect(lines[0]).toEqual({
      level: 'warning',
      runtime: 'onnxruntime',
      origin: 'default_input.onnx',
      requestIds: [],
      message: expect.stringContaining('bias') as string,
    });
  });
});
