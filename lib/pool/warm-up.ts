import { typedArrays, type TypedArrayOf } from '../binding/index.js';
import type { Clock } from '../batching/index.js';
import { Session, type TensorInfo } from '../session/index.js';
import { Tensor } from '../tensor/index.js';
import type { PoolModel, SourceSettings } from './options.js';

/** How a model was warmed up. */
export interface WarmUpReport {
  readonly runs: number;
  /** Of all runs together. */
  readonly ms: number;
  /** Whether the last three runs took the same time within 15 %. */
  readonly settled: boolean;
}

const compared = 3;
const tolerance = 0.15;
const mostRuns = 30;
const mostMs = 5000;

/** What is run to warm the model up; undefined for nothing. */
export function warmUpRun(model: PoolModel, given: SourceSettings['warmUp']): ((signal: AbortSignal) => unknown) | undefined {
  if (given === false) return undefined;
  if (given !== undefined) return (signal) => given(model, signal);
  if (!(model instanceof Session)) return undefined;
  const inputs = zeros(model.inputs);
  return inputs === undefined ? undefined : (signal) => model.run(inputs, { signal });
}

/** One sample; undefined where nothing tells how large it is. */
function zeros(inputs: readonly TensorInfo[]): Record<string, Tensor> | undefined {
  const tensors: Record<string, Tensor> = {};
  for (const { name, dtype, shape } of inputs) {
    const dims = shape.map((dim, axis) => (typeof dim !== 'number' && axis === 0 ? 1 : dim));
    if (!dims.every((dim) => typeof dim === 'number')) return undefined;
    const size = dims.reduce((product, dim) => product * dim, 1);
    // Memory of JavaScript, which goes when nobody has it any more.
    tensors[name] = new Tensor(dtype, new typedArrays[dtype](size) as TypedArrayOf<typeof dtype>, dims);
  }
  return tensors;
}

/** Runs until the times settle. Rejects as a run does. */
export async function warmUp(run: (signal: AbortSignal) => unknown, clock: Clock, signal: AbortSignal): Promise<WarmUpReport> {
  const times: number[] = [];
  let ms = 0;
  let settled = false;
  while (!settled && times.length < mostRuns && ms < mostMs) {
    signal.throwIfAborted();
    const startedAt = clock.now();
    const result = await run(signal);
    const took = clock.now() - startedAt;
    if (isDisposable(result)) result[Symbol.dispose]();
    times.push(took);
    ms += took;
    settled = isSettled(times.slice(-compared));
  }
  return { runs: times.length, ms, settled };
}

function isSettled(times: readonly number[]): boolean {
  return times.length === compared && Math.max(...times) <= Math.min(...times) * (1 + tolerance);
}

function isDisposable(value: unknown): value is Disposable {
  return typeof (value as Partial<Disposable> | null | undefined)?.[Symbol.dispose] === 'function';
}
