/**
 * What happens inside, for observers, over Node's own diagnostics channels: no dependency, and hardly a cost without a subscriber.
 *
 *     import { subscribe } from 'node:diagnostics_channel';
 *     subscribe('foveate:session.open', (event) => console.log(event));
 */
import { channel } from 'node:diagnostics_channel';

/** `foveate:session.open`: a session is ready. */
export interface SessionOpenEvent {
  /** The path of the model or bundle that was opened, or undefined where it was given as bytes. */
  readonly model: string | undefined;
  /** The file that was read: of a bundle one of its own, of an engine that of the cache. */
  readonly file: string | undefined;
  readonly device: string;
  /** Why this device, where 'auto' chose it. */
  readonly reason: string;
  readonly runtime: string;
  readonly loadMs: number;
}

/** `foveate:session.run`: a run ended well. */
export interface SessionRunEvent {
  readonly model: string | undefined;
  /** Where it ran. */
  readonly device: string;
  readonly queueMs: number;
  readonly computeMs: number;
  /** To and from a GPU; 0 where there is none. */
  readonly uploadMs: number;
  readonly downloadMs: number;
  readonly copiedBytes: number;
}

/** `foveate:session.fallback`: the device that 'auto' chose fails, and runs are made elsewhere. */
export interface SessionFallbackEvent {
  readonly model: string | undefined;
  readonly from: string;
  readonly to: string;
  /** DEVICE_LOST: all runs, until the device is back. CUDA_OUT_OF_MEMORY: those that it has no memory for. */
  readonly code: string;
  readonly reason: string;
}

/** `foveate:session.recover`: the device serves again. */
export interface SessionRecoverEvent {
  readonly model: string | undefined;
  readonly device: string;
  /** Why it did not. */
  readonly code: string;
  readonly degradedMs: number;
}

/** `foveate:session.build`: a build in the background has ended. */
export interface SessionBuildEvent {
  readonly model: string | undefined;
  /** Where runs are made from now on. */
  readonly device: string;
  readonly reason: string;
  /** Why nothing has changed; undefined where an engine was built and has taken over. */
  readonly failure: string | undefined;
  readonly buildMs: number;
}

/** `foveate:pool.load`: a model of a pool was loaded and warmed up, or could not be. */
export interface PoolLoadEvent {
  /** Its name in the pool. */
  readonly model: string;
  readonly version: string | undefined;
  readonly loadMs: number;
  readonly warmUpMs: number;
  /** That it counts for: of the process's memory, and of that of GPUs. */
  readonly memoryBytes: number;
  readonly deviceMemoryBytes: number;
  /** Why there is no model; undefined where there is. Of a load that nobody waits for any more, nothing is told. */
  readonly failure: string | undefined;
}

/** `foveate:pool.evict`: a model of a pool is given up. */
export interface PoolEvictEvent {
  readonly model: string;
  readonly version: string | undefined;
  /** 'memory': for another one. Else somebody called the method of that name. */
  readonly reason: 'memory' | 'unload' | 'reset' | 'dispose';
  readonly memoryBytes: number;
  readonly deviceMemoryBytes: number;
}

/** `foveate:pool.swap`: a new version of a model serves from now on. */
export interface PoolSwapEvent {
  readonly model: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  /** Requests that are still under way on the old one. */
  readonly inUse: number;
}

/** `foveate:breaker.change`: a circuit breaker opens, tries again, or closes. */
export interface BreakerChangeEvent {
  readonly name: string;
  readonly from: 'closed' | 'open' | 'half-open';
  readonly to: 'closed' | 'open' | 'half-open';
  /** Of the calls that decided: those of the window, or the probes. */
  readonly calls: number;
  readonly failures: number;
  /** How long it is left alone, where it opens. */
  readonly pauseMs: number | undefined;
}

/** `foveate:rollout.change`: a rollout takes a step, comes to a verdict or ends. */
export interface RolloutChangeEvent {
  readonly name: string;
  readonly state: 'running' | 'promoted' | 'rolled-back';
  /** Of requests that the candidate answers, 0 to 1. */
  readonly share: number;
  /** Why, in words. */
  readonly reason: string;
}

/** `foveate:log`: a vendor library warns of something or tells of an error, or foveate does. Nothing of it is written to the console. */
export interface LogEvent {
  readonly level: 'verbose' | 'info' | 'warning' | 'error';
  /** Whose line it is, such as 'onnxruntime'; 'foveate' for what was done about a device that failed. */
  readonly runtime: string;
  /** The file name of the model that it is about, '' where it is about none. */
  readonly origin: string;
  readonly message: string;
}

interface Events {
  'foveate:log': LogEvent;
  'foveate:session.open': SessionOpenEvent;
  'foveate:session.run': SessionRunEvent;
  'foveate:session.fallback': SessionFallbackEvent;
  'foveate:session.recover': SessionRecoverEvent;
  'foveate:session.build': SessionBuildEvent;
  'foveate:pool.load': PoolLoadEvent;
  'foveate:pool.evict': PoolEvictEvent;
  'foveate:pool.swap': PoolSwapEvent;
  'foveate:breaker.change': BreakerChangeEvent;
  'foveate:rollout.change': RolloutChangeEvent;
}

export function publish<Name extends keyof Events>(name: Name, event: Events[Name]): void {
  const target = channel(name);
  if (target.hasSubscribers) target.publish(event);
}
