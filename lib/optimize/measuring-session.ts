import { availableParallelism } from 'node:os';

import { encodeModel, type ModelProto } from '../graph/index.js';
import { createSession, type Session, type SessionOptions } from '../session/index.js';

/** So many runs are made at the same time at most: each holds the values of a run. */
const mostLanes = 2;

/** A session of a model for some runs that share the cores. Rejects as `createSession`. */
export function measuringSession(model: ModelProto, options: SessionOptions): Promise<Session> {
  const cores = availableParallelism();
  const lanes = Math.min(mostLanes, cores);
  const threads = Math.max(1, Math.floor(cores / lanes));
  return createSession(encodeModel(model), { device: 'cpu', lanes, threads, memoryPattern: false, ...options });
}
