/** What to do about a build that failed in the library. */
import { EngineError } from '../errors/index.js';
import type { BuildOptions } from './build-options.js';

/** The error, with a better hint where the options tell what to do about it. */
export function explainedFailure(error: unknown, options: BuildOptions): unknown {
  if (!(error instanceof EngineError)) return error;
  const hint = hintFor(error.message, options);
  if (hint === undefined) return error;
  return new EngineError(error.code, { message: error.message, hint, details: error.details, cause: error });
}

function hintFor(message: string, options: BuildOptions): string | undefined {
  const { workspaceBytes } = options;
  if (workspaceBytes !== undefined && /OutOfMemory|workspace/.test(message))
    return `Layers need more memory than the ${workspaceBytes} bytes of option workspaceBytes: allow more, or leave it out.`;
  return undefined;
}
