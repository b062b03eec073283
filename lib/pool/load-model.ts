import type { Clock } from '../batching/index.js';
import { invalidArgument } from '../errors/index.js';
import type { MemoryMeter } from './memory.js';
import type { Bytes, PoolModel, SourceSettings } from './options.js';
import type { Loaded } from './resident.js';
import { disposeUnasked } from './dispose.js';
import { warmUp, warmUpRun } from './warm-up.js';

/** What loading needs to know. */
export interface LoadInit {
  readonly name: string;
  readonly source: SourceSettings;
  readonly fileBytes: number;
  /** What it took when it was first loaded: with others at work beside it, it cannot be measured better. */
  readonly taken: Bytes | undefined;
  readonly clock: Clock;
  readonly meter: MemoryMeter;
  readonly signal: AbortSignal;
}

/** Opens a model, warms it up, and measures what it takes, the first time. Nothing is left of one that fails or is aborted. */
export async function loadModel({ name, source, fileBytes, taken, clock, meter, signal }: LoadInit): Promise<Loaded> {
  const measure = taken === undefined ? await meter() : () => taken;
  const startedAt = clock.now();
  const model: PoolModel = await source.load(signal);
  if (typeof (model as Partial<AsyncDisposable> | null | undefined)?.[Symbol.asyncDispose] !== 'function')
    throw invalidArgument('what load gives', 'a model with Symbol.asyncDispose', model);
  try {
    signal.throwIfAborted();
    const loadMs = clock.now() - startedAt;
    const run = warmUpRun(model, source.warmUp);
    const report = run === undefined ? undefined : await warmUp(run, clock, signal);
    const bytes = declared(source, await measure(), fileBytes);
    signal.throwIfAborted();
    return { model, bytes, loadMs, warmUp: report };
  } catch (error) {
    await disposeUnasked(name, model);
    throw error;
  }
}

/** What was measured, but for what the user says. The files are in memory, here or there. */
function declared({ memoryBytes, deviceMemoryBytes }: SourceSettings, measured: Bytes, fileBytes: number): Bytes {
  const device = deviceMemoryBytes ?? measured.device;
  return { host: memoryBytes ?? Math.max(measured.host, fileBytes - device), device };
}
