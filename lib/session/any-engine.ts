/** Engines for device 'auto', which takes whatever of them there is. */
import { native, settle } from '../binding/index.js';
import {
  engineDevices,
  hasEngine,
  isEngineDevice,
  readSource,
  seenEngineDevices,
  type BuildPolicy,
  type EngineDevice,
} from '../engine/index.js';
import { AbortedError, ArgumentError, EngineError, FoveateError } from '../errors/index.js';
import type { SessionOptions } from './options.js';

/** Whether engines may run a model: on a device of TensorRT, and with 'auto' where there is a GPU and no option speaks against it. */
export async function mayRunEngines({ device = 'auto', config, providerOptions }: SessionOptions): Promise<boolean> {
  if (device !== 'auto') return isEngineDevice(device);
  return config === undefined && providerOptions === undefined && (await hasGpu());
}

/**
 * Why device 'auto' has no engine of a model, as far as the cache and the names of libraries tell; undefined where a library is to be asked, or would build one now. The libraries are
 * hundreds of megabytes, which a machine without engines has no use for. `how` is how one is built, after `foveate build MODEL`.
 */
export async function noEngineAtAll(
  model: string | URL | Uint8Array,
  { device: wanted = 'auto', build = 'never', tensorrtPath, signal }: SessionOptions,
  how: string,
): Promise<string | undefined> {
  if (wanted !== 'auto' || build === 'on-load') return undefined;
  const source = await readSource(model, signal).catch((error: unknown) => {
    if (error instanceof AbortedError) throw error;
    return undefined; // what is wrong with the model is told by what opens it
  });
  if (source === undefined || (await hasEngine(source))) return undefined;
  const [device] = seenEngineDevices(tensorrtPath);
  if (device === undefined) return engineDevices.map((one) => `no library of ${one} is there`).join('; ');
  const command = `foveate build ${source.path ?? 'MODEL'} --device ${device}${how}`;
  return `No engine of ${source.name} is in the cache (Build it: ${command}. Or open the model with build: 'on-load'.)`;
}

async function hasGpu(): Promise<boolean> {
  return (await settle(() => native().gpuObstacle())) === undefined;
}

/**
 * What `open` makes of the first engine that 'auto' may run, one that is there before one that is built; or why there is none, where that is worth telling; undefined where there is
 * no GPU. Only what was asked for wrongly, and an abort, are errors: all else is a reason to go on.
 */
export async function anyEngine<T extends object>(
  options: SessionOptions,
  open: (device: EngineDevice, build: BuildPolicy) => Promise<T>,
): Promise<T | string | undefined> {
  if (!(await mayRunEngines(options))) return (await hasGpu()) ? 'options were given that ONNX Runtime alone takes' : undefined;
  const found = await first((device) => open(device, 'never'));
  if (!Array.isArray(found)) return found;
  const built = options.build === 'on-load' ? await first((device) => open(device, 'on-load')) : found;
  return Array.isArray(built) ? built.join('; ') : built;
}

/** What `build` makes for the first device that an engine can be built for. Throws why there is none. */
export async function buildAnyEngine<T extends object>(build: (device: EngineDevice) => Promise<T>): Promise<T> {
  const built = await first(build);
  if (!Array.isArray(built)) return built;
  throw new EngineError('ENGINE_NOT_BUILT', { message: built.join('; ') });
}

/** Or why not, of each device. */
async function first<T extends object>(open: (device: EngineDevice) => Promise<T>): Promise<T | string[]> {
  const reasons: string[] = [];
  for (const device of engineDevices) {
    try {
      return await open(device);
    } catch (error) {
      if (!(error instanceof FoveateError) || error instanceof ArgumentError || error instanceof AbortedError) throw error;
      reasons.push(reasonOf(device, error));
    }
  }
  return reasons;
}

function reasonOf(device: EngineDevice, { code, message, hint }: FoveateError): string {
  if (code === 'BACKEND_NOT_FOUND') return `no library of ${device} is there`;
  return code === 'ENGINE_NOT_BUILT' && hint !== undefined ? `${message} (${hint})` : message;
}
