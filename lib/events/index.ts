/**
 * What happens inside, for observers, over Node's own diagnostics channels: no dependency, and hardly a cost without a subscriber.
 *
 *     import { subscribe } from 'node:diagnostics_channel';
 *     subscribe('foveate:session.open', (event) => console.log(event));
 */
import { channel, subscribe, unsubscribe, type Channel } from 'node:diagnostics_channel';

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
  /** Who ran it: the program, or for it a task or a batcher, which tell of it by events of their own. */
  readonly by: RunBy;
  readonly requestId: string | undefined;
  /** From the call to the result; what is not in the other times went into copies, or into a run on a device that failed. */
  readonly totalMs: number;
  readonly queueMs: number;
  readonly computeMs: number;
  /** To and from a GPU; 0 where there is none. */
  readonly uploadMs: number;
  readonly downloadMs: number;
  readonly copiedBytes: number;
}

export type RunBy = 'program' | 'task' | 'batcher';

/** `foveate:session.fail`: a run ended with an error, be it that its inputs do not fit. */
export interface SessionFailEvent {
  readonly model: string | undefined;
  readonly by: RunBy;
  readonly requestId: string | undefined;
  /** The code of the error; 'error' where it has none. */
  readonly code: string;
  readonly totalMs: number;
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
  /** Why there is no model; undefined where there is. Of a load that was given up, nothing is told. */
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

/** `foveate:breaker.reject`: a circuit breaker does not let a call through. Published in the caller's asynchronous context. */
export interface BreakerRejectEvent {
  readonly name: string;
  /** What the call is answered: 'error': CIRCUIT_OPEN. 'fallback': what the fallback gives, be it an error. */
  readonly answer: 'error' | 'fallback';
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

/** `foveate:batch.run`: a batch has been run. */
export interface BatchRunEvent {
  /** The name of the batcher: by default the path of the model, or its name in a pool. */
  readonly model: string | undefined;
  /** Where it ran; undefined where that is not known, or no run ended well. */
  readonly device: string | undefined;
  /** Samples that ran together. */
  readonly size: number;
  /** How many the batch was to have. */
  readonly target: number;
  /** Why it closed, as in docs/batching.md. */
  readonly reason: string;
  readonly requests: number;
  /** 1; more where a run failed and parts of the batch were run for themselves. */
  readonly runs: number;
  /** Waiting for a lane within the run, and inside the engine; of several runs all together. */
  readonly runQueueMs: number;
  readonly computeMs: number;
  /** Samples that wait when it is done. */
  readonly waitingSamples: number;
}

/** `foveate:batch.request`: a call of a batcher, or of `ModelPool.run`, is answered. Published in the caller's asynchronous context. */
export interface BatchRequestEvent {
  /** The name of the batcher: by default the path of the model, or its name in a pool. */
  readonly model: string | undefined;
  readonly requestId: string | undefined;
  readonly caller: string | undefined;
  readonly priority: number;
  /** 'ok', the code of the error, or 'error' where it has none. */
  readonly outcome: string;
  /** Why the batcher, or the pool, turned it away: no room, given up for newer ones, too late, or it was disposed of. undefined where it did not. */
  readonly reject: 'full' | 'shed' | 'deadline' | 'disposed' | undefined;
  /** From the call to the answer. Of a pool: where the model came in time, without the wait for it. */
  readonly totalMs: number;
  /** How it was batched; undefined without a result. */
  readonly batched: BatchedRequest | undefined;
}

/** Where the time of a request went, and the batch that it was part of; of several, that which was done last. */
export interface BatchedRequest {
  readonly samples: number;
  /** Of how many batches it was part: more than one where it was larger than a batch. Then the times are of all of them, which may have run at the same time. */
  readonly batches: number;
  readonly size: number;
  readonly target: number;
  readonly reason: string;
  readonly queueMs: number;
  readonly preprocessMs: number;
  readonly computeMs: number;
  readonly postprocessMs: number;
  /** From the call until its preprocessing, and until its computation began. */
  readonly preprocessAfterMs: number;
  readonly computeAfterMs: number;
}

/** `foveate:task.call`: a call of a task, such as `detect`, is answered. Published in the caller's asynchronous context. */
export interface TaskCallEvent {
  readonly model: string | undefined;
  readonly requestId: string | undefined;
  /** Where the next call is made. */
  readonly device: string;
  /** Pictures of the call; slices of a picture count as pictures. */
  readonly pictures: number;
  /** 'ok', the code of the error, or 'error' where it has none. */
  readonly outcome: string;
  /** From the call to the answer. */
  readonly totalMs: number;
  /** Of each picture, in their order; empty without a result. */
  readonly timings: readonly PictureTimes[];
}

/** As `Timing` of a result. */
export interface PictureTimes {
  readonly decodeMs: number;
  readonly preprocessMs: number;
  readonly queueMs: number;
  readonly computeMs: number;
  readonly transferMs: number;
  readonly postprocessMs: number;
}

/** `foveate:log`: a vendor library warns of something or tells of an error, or foveate does. Nothing of it is written to the console. */
export interface LogEvent {
  readonly level: 'verbose' | 'info' | 'warning' | 'error';
  /** Whose line it is, such as 'onnxruntime'; 'foveate' for what was done about a device that failed. */
  readonly runtime: string;
  /** The file name of the model that it is about, '' where it is about none. */
  readonly origin: string;
  readonly message: string;
  /** Of those that were being run, of a batch several. None where none was given, where it is of no run, or a library tells it on a thread of its own. */
  readonly requestIds: readonly string[];
}

interface Events {
  'foveate:log': LogEvent;
  'foveate:session.open': SessionOpenEvent;
  'foveate:session.run': SessionRunEvent;
  'foveate:session.fail': SessionFailEvent;
  'foveate:session.fallback': SessionFallbackEvent;
  'foveate:session.recover': SessionRecoverEvent;
  'foveate:session.build': SessionBuildEvent;
  'foveate:pool.load': PoolLoadEvent;
  'foveate:pool.evict': PoolEvictEvent;
  'foveate:pool.swap': PoolSwapEvent;
  'foveate:breaker.change': BreakerChangeEvent;
  'foveate:breaker.reject': BreakerRejectEvent;
  'foveate:rollout.change': RolloutChangeEvent;
  'foveate:batch.run': BatchRunEvent;
  'foveate:batch.request': BatchRequestEvent;
  'foveate:task.call': TaskCallEvent;
}

/** Kept: a channel is looked up once, not with each event. */
const channels = new Map<string, Channel>();

function channelOf(name: keyof Events): Channel {
  let found = channels.get(name);
  if (found === undefined) channels.set(name, (found = channel(name)));
  return found;
}

/** Whether anybody listens: to be asked before an event is put together that costs something. */
export function isObserved(name: keyof Events): boolean {
  return channelOf(name).hasSubscribers;
}

export function publish<Name extends keyof Events>(name: Name, event: Events[Name]): void {
  const target = channelOf(name);
  if (target.hasSubscribers) target.publish(event);
}

/** Calls back with each event, until what it returns is called. */
export function observe<Name extends keyof Events>(name: Name, listener: (event: Events[Name]) => void): () => void {
  const onMessage = (message: unknown): void => listener(message as Events[Name]);
  subscribe(name, onMessage);
  return () => void unsubscribe(name, onMessage);
}
