/**
 * What the commands of package.json share: where the project is, and running a program with its output on this terminal.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** The checkout's folder. */
export const projectRoot = join(import.meta.dirname, '..');

/**
 * Runs a program with its output on this terminal.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {{ mayFail?: boolean, env?: Record<string, string> }} [options] `mayFail`: a non-zero exit is not an error.
 * @returns {Promise<number>} The exit code.
 */
export function runVisibly(command, args, { mayFail = false, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: projectRoot, stdio: 'inherit', env: { ...process.env, ...env } });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0 || (mayFail && code !== null)) resolve(code);
      else reject(new Error(`${[command, ...args].join(' ')} ended with ${signal ?? `exit code ${code}`}`));
    });
  });
}

/** Path of the ONNX Runtime library that the carrier package holds. */
export function onnxRuntimeLibrary() {
  return createRequire(import.meta.url)(`@foveate/onnxruntime-${process.platform}-${process.arch}`);
}
