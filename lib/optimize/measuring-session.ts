import { availableParallelism } from 'node:os';

import { encodeModel, type ModelProto } from '../graph/index.js';
import { createSession, type Session, type SessionOptions } from '../session/index.js';

/** A session of a model for some runs, so many of them at a time, that share the cores: each run holds its values. Rejects as `createSession`. */
export function measuringSession(
  model: ModelProto,
  { lanes: most, ...options }: SessionOptions & { readonly lanes: number },
): Promise<Session> {
  const cores = availableParallelism();
  const lanes = Math.min(most, cores);
  const threads = Math.max(1, Math.floor(cores / lanes));
  return createSession(encodeModel(model), { device: 'cpu', lanes, threads, memoryPattern: false, ...options });
}
