import { createRequire } from 'node:module';
import { resolve } from 'node:path';

import { native, settle, type NativeRuntime } from '../binding/index.js';
import { BackendError } from '../errors/index.js';
import { listenToLog } from './log.js';

const require = createRequire(import.meta.url);

/** One place where the ONNX Runtime library is looked for. */
export interface LibraryCandidate {
  /** Why this place: an option, an environment variable, a package. */
  readonly origin: string;
  /** undefined where there is nothing. */
  readonly path: string | undefined;
  /** Why there is nothing, or undefined. */
  readonly missing: string | undefined;
  /** What to do to have it there. */
  readonly remedy: string;
}

/** The package that carries the library for this platform; see `scripts/pack-carrier.mjs`. */
export const carrierPackage = `@foveate/onnxruntime-${process.platform}-${process.arch}`;

/** Resolved with literal names, so that file tracers find them. */
function resolveCarrier(): string {
  switch (`${process.platform}-${process.arch}`) {
    case 'linux-x64':
      return require('@foveate/onnxruntime-linux-x64') as string;
    case 'linux-arm64':
      return require('@foveate/onnxruntime-linux-arm64') as string;
    default:
      throw new Error('there is no such package for this platform');
  }
}

/**
 * Where the library is looked for, the first that names a file wins: an explicit path, `FOVEATE_ONNXRUNTIME_PATH`, the carrier package. A
 * path that was asked for and does not work is an error; nothing else is tried behind the user's back.
 */
export function libraryCandidates(explicit: string | undefined): readonly LibraryCandidate[] {
  const fromEnvironment = process.env['FOVEATE_ONNXRUNTIME_PATH'];
  let carrier: string | undefined;
  let carrierMissing: string | undefined;
  try {
    carrier = resolveCarrier();
  } catch (error) {
    carrierMissing =
      error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND' ? 'not installed' : String(error);
  }
  return [
    {
      origin: 'option onnxruntimePath',
      path: explicit === undefined ? undefined : resolve(explicit),
      missing: explicit === undefined ? 'not given' : undefined,
      remedy: 'Pass { onnxruntimePath } with the path of libonnxruntime.so.',
    },
    {
      origin: 'environment variable FOVEATE_ONNXRUNTIME_PATH',
      path: fromEnvironment ? resolve(fromEnvironment) : undefined,
      missing: fromEnvironment ? undefined : 'not set',
      remedy: 'Set FOVEATE_ONNXRUNTIME_PATH to the path of libonnxruntime.so.',
    },
    {
      origin: `package ${carrierPackage}`,
      path: carrier,
      missing: carrierMissing,
      remedy: `Install it: npm install ${carrierPackage} (it comes with foveate unless optional dependencies are left out).`,
    },
  ];
}

const opened = new Map<string, Promise<NativeRuntime>>();

/**
 * Opens the library at `path`; the same path gives the same runtime. Throws BACKEND_NOT_FOUND, BACKEND_INVALID or BACKEND_TOO_OLD.
 */
export function openLibrary(path: string): Promise<NativeRuntime> {
  let runtime = opened.get(path);
  if (runtime === undefined) {
    listenToLog();
    runtime = settle(() => native().runtimeOpen(path));
    opened.set(path, runtime);
    // A failure is not remembered: the file may be put right while the process lives.
    runtime.catch(() => opened.delete(path));
  }
  return runtime;
}

/** Opens the first library found. Throws BACKEND_NOT_FOUND with every place looked at and the remedy. */
export async function openOnnxRuntime(explicit: string | undefined): Promise<NativeRuntime> {
  const candidates = libraryCandidates(explicit);
  const found = candidates.find((candidate) => candidate.path !== undefined);
  if (found?.path === undefined) {
    const places = candidates.map((candidate) => `\n  - ${candidate.origin}: ${candidate.missing}`).join('');
    throw new BackendError('BACKEND_NOT_FOUND', {
      message: `No ONNX Runtime library was found. Looked at:${places}`,
      hint: candidates.at(-1)?.remedy,
      details: { candidates },
    });
  }
  try {
    return await openLibrary(found.path);
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    throw new BackendError(error.code, {
      message: `${error.message} (from ${found.origin})`,
      hint: error.hint,
      details: { origin: found.origin, path: found.path },
      cause: error,
    });
  }
}
