/** What to do about a build that failed in the library. */
import type { NativeTensorRt } from '../binding/index.js';
import { EngineError } from '../errors/index.js';
import type { BuildOptions } from './build-options.js';

/** The error, with a better hint where the options tell what to do about it. */
export function explainedFailure(error: unknown, options: BuildOptions, library: NativeTensorRt): unknown {
  if (!(error instanceof EngineError)) return error;
  const hint = hintFor(error.message, options, library);
  if (hint === undefined) return error;
  return new EngineError(error.code, { message: error.message, hint, details: error.details, cause: error });
}

function hintFor(message: string, options: BuildOptions, { runObstacle }: NativeTensorRt): string | undefined {
  const { workspaceBytes, refit, stripWeights } = options;
  if (workspaceBytes !== undefined && /OutOfMemory|workspace/.test(message))
    return `Layers need more memory than the ${workspaceBytes} bytes of option workspaceBytes: allow more, or leave it out.`;
  // Its code generator calls the driver, and tells no more than that it failed.
  if (refit === true && stripWeights !== true && runObstacle !== undefined)
    return `An engine whose weights can be replaced is built on a machine with a GPU: ${runObstacle}. With option stripWeights it is built without.`;
  return undefined;
}
