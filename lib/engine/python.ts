import { spawn, type StdioOptions } from 'node:child_process';

import { BackendError } from '../errors/index.js';

export interface PythonOptions {
  readonly signal: AbortSignal;
  /** Changes to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A file descriptor for what it prints, or nothing. What it complains of is kept for the error. */
  readonly output?: number;
}

/** How a call of python3 failed. */
export class PythonFailure extends Error {
  constructor(
    message: string,
    /** Whether there is no such program. */
    readonly missing: boolean,
    /** The last lines of what it complained of. */
    readonly complaint: string,
  ) {
    super(message);
  }
}

const keptLines = 10;

/**
 * Runs python3 to its end. Rejects with a {@link PythonFailure}, and with the reason of the signal when that is aborted, not before the
 * program is gone: what it was writing to is then at rest.
 */
export function runPython(args: readonly string[], { signal, env, output }: PythonOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const stdio: StdioOptions = ['ignore', output ?? 'ignore', 'pipe'];
    const child = spawn('python3', args, { signal, env: { ...process.env, ...env }, stdio });
    let complaint = '';
    let failure: NodeJS.ErrnoException | undefined;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint = lastLines(complaint + text)));
    child.on('error', (error) => (failure = error));
    child.on('exit', () => signal.aborted && reject(signal.reason as Error));
    child.on('close', (code, killedBy) => {
      if (code === 0) return resolve();
      const missing = failure !== undefined && failure.code === 'ENOENT';
      const outcome = failure?.message ?? (killedBy === null ? `exit code ${code}` : `ended by ${killedBy}`);
      reject(new PythonFailure(outcome, missing, complaint.trim()));
    });
  });
}

function lastLines(text: string): string {
  return text.split('\n').slice(-keptLines).join('\n');
}

/** Throws BACKEND_UNAVAILABLE unless there is a python3 with pip. */
export async function requirePip(signal: AbortSignal): Promise<void> {
  try {
    await runPython(['-m', 'pip', '--version'], { signal });
  } catch (error) {
    if (!(error instanceof PythonFailure)) throw error;
    throw new BackendError('BACKEND_UNAVAILABLE', {
      message: error.missing
        ? 'There is no python3, with which the package is downloaded'
        : `There is no pip for python3, with which the package is downloaded: ${error.complaint || error.message}`,
      hint: error.missing
        ? 'Install Python 3 with pip, on Debian: apt-get install python3-pip.'
        : 'Install pip, on Debian: apt-get install python3-pip; elsewhere: python3 -m ensurepip.',
      cause: error,
    });
  }
}
