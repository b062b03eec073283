import {
  DisposedError,
  FoveateError,
  invalidArgument,
  nearestName,
  PoolError,
  QueueError,
  type ArgumentError,
} from '../errors/index.js';
import type { Bytes } from './options.js';

/** `"faces" (version 3)`. */
export function modelWords(name: string, version: string | undefined): string {
  return `${JSON.stringify(name)}${version === undefined ? '' : ` (version ${version})`}`;
}

/** Of a load that has failed just now, `attempts` times in a row. */
export function loadFailed(name: string, version: string | undefined, cause: unknown, retry: Retry | undefined): PoolError {
  const details = {
    model: name,
    version,
    attempts: retry?.attempts ?? 1,
    ...(retry && { retryAfterMs: Math.ceil(retry.afterMs) }),
  };
  const when = retry && `The next request tries again, after a pause of ${seconds(retry.afterMs)}.`;
  const hints = [cause instanceof FoveateError ? cause.hint : undefined, when].filter((hint) => hint !== undefined);
  return new PoolError(cause instanceof PoolError ? cause.code : 'POOL_LOAD_FAILED', {
    message: `The model ${modelWords(name, version)} could not be loaded${retry?.isPause ? ` ${times(retry.attempts)}, and is not tried again for ${seconds(retry.afterMs)}` : ''}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: hints.length === 0 ? undefined : hints.join(' '),
    details: { ...(cause instanceof PoolError ? cause.details : {}), ...details },
    cause,
  });
}

export interface Retry {
  readonly attempts: number;
  readonly afterMs: number;
  /** Whether the request came in the pause, so that nothing was tried. */
  readonly isPause: boolean;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}

/** `room`: the most that can be had for it. */
export function tooSmall(name: string, version: string | undefined, need: Bytes, room: Bytes, budget: Bytes): PoolError {
  const isDevice = need.device > room.device;
  const [kind, option] = isDevice ? (['device', 'deviceMemoryBytes'] as const) : (['host', 'memoryBytes'] as const);
  const where = isDevice ? 'on the GPU' : 'of memory';
  return new PoolError('POOL_TOO_SMALL', {
    message: `Expected a model of at most ${megabytes(room[kind])} ${where} but ${modelWords(name, version)} takes ${megabytes(need[kind])}: the pool has ${megabytes(budget[kind])}, and the rest is pinned or stays`,
    hint: `Raise ${option} of the pool, unpin or unload others, or give ${option} of the model where you know it better.`,
    details: { model: name, version, memory: kind, needBytes: need[kind], roomBytes: room[kind], budgetBytes: budget[kind] },
  });
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

export function unknownModel(name: unknown, known: readonly string[]): ArgumentError {
  const nearest = typeof name === 'string' ? nearestName(name, known) : undefined;
  const hint = nearest === undefined ? 'Register it first.' : `Did you mean ${JSON.stringify(nearest)}?`;
  return invalidArgument(
    'name',
    `one of ${known.length === 0 ? 'none, as no model is registered' : known.join(', ')}`,
    name,
    hint,
  );
}

export function poolDisposed(when: string): DisposedError {
  return new DisposedError('DISPOSED', {
    message: `The pool was disposed ${when}`,
    hint: 'Dispose of it after its last use.',
  });
}

export function tooLate(name: string, deadlineMs: number): QueueError {
  return new QueueError('DEADLINE_EXCEEDED', {
    message: `Expected a result within ${deadlineMs} ms, but the model ${JSON.stringify(name)} was not loaded by then`,
    hint: 'Load or pin it before, give the pool more memory, or the request more time.',
    details: { deadlineMs, stage: 'load' },
  });
}
