/** Handing the addon something wrong is an error, never a wild pointer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { native, type Native, type NativeLease, type OperationHandle, type SessionHandle } from '../../lib/binding/index.js';
import { openOnnxRuntime } from '../../lib/engine/index.js';
import { fixture } from '../session/fixtures.js';

const onHost = { onDevice: false, layerTimes: false };
let lease: NativeLease;
let operation: OperationHandle;
let session: SessionHandle;

beforeAll(async () => {
  lease = native().leaseAllocate(64);
  operation = native().operationCreate();
  const runtime = await openOnnxRuntime(undefined);
  const options = {
    intraOpThreads: 1,
    interOpThreads: 1,
    intraOpSpinning: false,
    memoryPattern: false,
    graphOptimization: 3,
    providers: [],
    config: {},
    lanes: 1,
    gpus: [],
    cudaGraphs: false,
  };
  session = await native().sessionOpen(runtime.handle, fixture('fixed.onnx'), options);
});

afterAll(async () => {
  await native().sessionClose(session);
});

/** Every function of the addon, with arguments of which the first is a handle. */
const takers: readonly (readonly [keyof Native, (handle: never) => unknown])[] = [
  ['leaseRelease', (handle) => native().leaseRelease(handle, lease.buffer)],
  ['sessionOpen', (handle) => native().sessionOpen(handle, fixture('fixed.onnx'), {} as never)],
  ['sessionDescribe', (handle) => native().sessionDescribe(handle)],
  ['sessionRun', (handle) => native().sessionRun(handle, [], [], onHost)],
  ['sessionAllocate', (handle) => native().sessionAllocate(handle, 4)],
  ['sessionRefit', (handle) => native().sessionRefit(handle, [])],
  ['deviceTensorRead', (handle) => native().deviceTensorRead(handle)],
  ['deviceTensorFree', (handle) => native().deviceTensorFree(handle)],
  ['sessionClose', (handle) => native().sessionClose(handle)],
  ['operationCancel', (handle) => native().operationCancel(handle)],
  ['observerAdd', (handle) => native().observerAdd(handle, [])],
  ['observerStatistics', (handle) => native().observerStatistics(handle)],
  ['observerRelease', (handle) => native().observerRelease(handle)],
  ['productsAdd', (handle) => native().productsAdd(handle, {} as never, 0)],
  ['productsRelease', (handle) => native().productsRelease(handle)],
];

describe.each(takers)('%s', (name, call) => {
  const wrong = (): Record<string, unknown> => ({
    undefined: undefined,
    null: null,
    number: 5,
    text: 'handle',
    object: {},
    buffer: lease.buffer,
    proxy: new Proxy({}, {}),
    ...(name === 'leaseRelease' ? {} : { lease: lease.handle }),
    ...(name === 'operationCancel' ? {} : { operation }),
    ...(name.startsWith('session') && name !== 'sessionOpen' ? {} : { session }),
  });

  it('refuses whatever is not its own kind of handle', async () => {
    for (const [kind, value] of Object.entries(wrong())) {
      const settled = await Promise.resolve()
        .then(() => call(value as never))
        .then(
          () => 'accepted',
          (error: Error) => error.message,
        );
      expect(settled, kind).toMatch(/^Expected a (lease|runtime|session|operation|observer|products|device tensor) handle$/);
    }
  });
});

describe('arguments that could corrupt memory', () => {
  const refuses = (call: () => unknown): void => expect(call).toThrow();

  it('refuses an array that is not over the buffer of its lease', () => {
    const picture = { lease: lease.handle, data: new Uint8Array(48), width: 4, height: 4 };
    refuses(() => native().pictureDraw(picture, { boxes: [], caption: [], mask: undefined }));
    refuses(() => native().maskColor({ lease: lease.handle, data: new Uint8Array(4) }, []));
  });

  it('refuses to release a lease with the buffer of another', () => {
    const other = native().leaseAllocate(64);
    refuses(() => native().leaseRelease(lease.handle, other.buffer));
    refuses(() => native().leaseRelease(lease.handle, new ArrayBuffer(64)));
    expect(other.buffer.byteLength).toBe(64);
    native().leaseRelease(other.handle, other.buffer);
    expect(other.buffer.byteLength).toBe(0);
  });

  it('refuses tensors whose data and shape differ', () => {
    const six = { dtype: 'float32' as const, dims: [2, 3], data: new Float32Array(6), lease: undefined };
    const short = { ...six, data: new Float32Array(5) };
    refuses(() => native().sessionRun(session, [six, short], [], onHost));
    refuses(() => native().sessionRun(session, [six], [], onHost));
    refuses(() => native().sessionRun(session, [six, { ...six, dims: [-2, -3] }], [], onHost));
    refuses(() => native().sessionRun(session, [six, { ...six, dtype: 'float8' as never }], [], onHost));
    refuses(() => native().sessionRun(session, [six, six], [{ index: 9, tensor: undefined }], onHost));
    // An output can only be written to native memory.
    refuses(() => native().sessionRun(session, [six, six], [{ index: 0, tensor: six }], onHost));
  });

  it('refuses frames that end before their last row', () => {
    const frame = { pixels: new Uint8Array(11), lease: undefined, width: 2, height: 2, stride: 6, format: 'rgb' as const };
    refuses(() => native().pictureDecode(frame, 'ignore', 100));
    refuses(() => native().pictureDecode({ ...frame, width: -2 }, 'ignore', 100));
    refuses(() => native().pictureDecode({ ...frame, pixels: new Uint8Array(12), stride: 5 }, 'ignore', 100));
    refuses(() => native().pictureDecode({ ...frame, pixels: new Uint8Array(12), format: 'hsv' as never }, 'ignore', 100));
    refuses(() =>
      native().pictureDecode({ ...frame, pixels: new Uint8Array(12), width: 2 ** 30, height: 2 ** 30 }, 'ignore', 100),
    );
    for (const format of ['nv12', 'i420', 'yuyv'] as const) {
      const bytes = format === 'yuyv' ? 8 : 6;
      const video = { ...frame, pixels: new Uint8Array(bytes), stride: format === 'yuyv' ? 4 : 2, format };
      const decode = (change: object): unknown =>
        native().pictureDecode({ colorMatrix: 'bt601', colorRange: 'full', ...video, ...change }, 'ignore', 100);
      expect(() => decode({})).not.toThrow();
      refuses(() => decode({ pixels: new Uint8Array(bytes - 1) }));
      refuses(() => decode({ stride: video.stride - 1 }));
      refuses(() => decode({ height: 0 }));
      for (const stride of [2 ** 52, -1]) refuses(() => decode({ stride }));
      refuses(() => decode({ width: 2 ** 30, height: 2 ** 30, stride: 2 ** 31 }));
    }
  });

  it('refuses sizes that no memory has', () => {
    for (const bytes of [-1, NaN, Infinity, 2 ** 60]) refuses(() => native().leaseAllocate(bytes));
  });

  it('refuses missing arguments', () => {
    const names = Object.keys(native()) as (keyof Native)[];
    const withoutArguments = [
      'environmentStop',
      'gpuObstacle',
      'gpuStatistics',
      'memoryStatistics',
      'memoryTrim',
      'operationCreate',
      'visionLanes',
    ];
    for (const name of names.filter((candidate) => !withoutArguments.includes(candidate))) {
      expect(() => (native()[name] as () => unknown)(), name).toThrow();
    }
  });
});
