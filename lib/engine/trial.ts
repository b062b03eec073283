import { create, toBinary } from '@bufbuild/protobuf';

import { Lease, native, settle, type NativeLease, type NativeRuntime, type RuntimeHandle } from '../binding/index.js';
import { EngineError } from '../errors/index.js';
import { ModelProtoSchema, TensorProto_DataType } from '../graph/onnx_pb.js';
import { buildModelEngine } from './build-model-engine.js';
import { readSource } from './build-model.js';
import type { DeviceChoice, OnnxRuntimeDevice } from './device.js';
import { runningTensorRt, type EngineDevice } from './run-engine.js';

const input = [1, 2, 3];
const expected = [2, 4, 6];

/** `y = x + x`, the smallest model that can give wrong numbers. IR and opset are old enough for every runtime. */
function trialModel(): Uint8Array {
  const tensor = (name: string) => ({
    name,
    type: {
      value: {
        case: 'tensorType' as const,
        value: {
          elemType: TensorProto_DataType.FLOAT,
          shape: { dim: [{ value: { case: 'dimValue' as const, value: BigInt(input.length) } }] },
        },
      },
    },
  });
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 17n }],
    graph: {
      name: 'trial',
      node: [{ opType: 'Add', input: ['x', 'x'], output: ['y'] }],
      input: [tensor('x')],
      output: [tensor('y')],
    },
  });
  return toBinary(ModelProtoSchema, model);
}

/** Runs a small model on a device of ONNX Runtime, through the core. Throws BACKEND_UNAVAILABLE, ENGINE_FAILED also where the numbers are wrong. */
export async function runTrial(runtime: NativeRuntime, device: OnnxRuntimeDevice): Promise<void> {
  await tryModel(runtime.handle, trialModel(), device);
}

/** The same with an engine, which is built where it is not in the cache. Throws as `buildModelEngine` does, too. */
export async function runEngineTrial(device: EngineDevice): Promise<void> {
  const { runtime } = await runningTensorRt(device, undefined, undefined);
  const { bundle } = await buildModelEngine(await readSource(trialModel(), undefined), { device });
  await tryModel(runtime, await bundle.wholeEngine(), device);
}

async function tryModel(runtime: RuntimeHandle, model: string | Uint8Array, device: DeviceChoice['device']): Promise<void> {
  const session = await settle(() =>
    native().sessionOpen(runtime, model, {
      intraOpThreads: 1,
      interOpThreads: 1,
      intraOpSpinning: false,
      memoryPattern: false,
      graphOptimization: 0,
      providers: device === 'cuda' ? [{ name: device, options: {} }] : [],
      config: {},
      lanes: 1,
      gpus: [],
      cudaGraphs: false,
    }),
  );
  try {
    const x = { dtype: 'float32', dims: [input.length], data: Float32Array.from(input), lease: undefined } as const;
    const { outputs } = await settle(() =>
      native().sessionRun(session, [x], [{ index: 0, tensor: undefined }], { onDevice: false, layerTimes: false }),
    );
    const lease = new Lease(outputs[0]?.lease as NativeLease);
    const received = [...new Float32Array(lease.buffer, 0, expected.length)];
    lease.release();
    if (received.some((value, i) => value !== expected[i])) {
      throw new EngineError('ENGINE_FAILED', {
        message: `Expected ${expected.join(', ')} from a small model on '${device}' but received ${received.join(', ')}`,
        hint: 'The runtime computes wrong numbers here: use another version of it.',
      });
    }
  } finally {
    await settle(() => native().sessionClose(session));
  }
}
