import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

import type { NativeRuntime } from '../binding/index.js';
import { BackendError } from '../errors/index.js';

/**
 * Where a model runs. 'auto' takes the fastest that is there and says which and why: an engine of TensorRT or TensorRT-RTX that was built before, ONNX Runtime on CUDA,
 * ONNX Runtime on the CPU. Any other is strict: that device, or an error.
 */
export type Device = 'auto' | 'cpu' | 'cuda' | 'tensorrt' | 'tensorrt-rtx';

export const devices = ['auto', 'cpu', 'cuda', 'tensorrt', 'tensorrt-rtx'] as const satisfies readonly Device[];

/** A device that was decided on. */
export interface DeviceChoice {
  readonly device: Exclude<Device, 'auto'>;
  readonly reason: string;
}

/** Those of ONNX Runtime. */
export type OnnxRuntimeDevice = 'cpu' | 'cuda';

/** Why ONNX Runtime, as it was opened, cannot run a model on `device`; undefined where nothing is known to be in the way. */
export function deviceUnavailable(device: OnnxRuntimeDevice, runtime: NativeRuntime): string | undefined {
  if (device === 'cpu') return undefined;
  if (!runtime.providers.includes('CUDAExecutionProvider')) {
    return `the ONNX Runtime library ${runtime.version} was built without CUDA`;
  }
  // The library lists what it was built for; what does the work is a second library, which it looks for beside itself.
  const hasProvider = existsSync(join(dirname(runtime.path), 'libonnxruntime_providers_cuda.so'));
  return hasProvider ? undefined : 'no CUDA: ONNX Runtime has no libonnxruntime_providers_cuda.so beside it';
}

/** A device of ONNX Runtime. */
export interface OnnxRuntimeChoice extends DeviceChoice {
  readonly device: OnnxRuntimeDevice;
}

/** Decides on a device of ONNX Runtime. Throws BACKEND_UNAVAILABLE where a named one cannot be had. */
export function chooseDevice(wanted: OnnxRuntimeDevice | 'auto', runtime: NativeRuntime): OnnxRuntimeChoice {
  if (wanted !== 'auto') {
    const obstacle = deviceUnavailable(wanted, runtime);
    if (obstacle === undefined) return { device: wanted, reason: 'asked for' };
    throw new BackendError('BACKEND_UNAVAILABLE', {
      message: `The device '${wanted}' cannot be used: ${obstacle}`,
      hint: "Point FOVEATE_ONNXRUNTIME_PATH to an ONNX Runtime library with CUDA, or use device 'auto' or 'cpu'.",
      details: { device: wanted },
    });
  }
  const obstacle = deviceUnavailable('cuda', runtime);
  return obstacle === undefined ? { device: 'cuda', reason: 'ONNX Runtime offers CUDA' } : { device: 'cpu', reason: obstacle };
}
