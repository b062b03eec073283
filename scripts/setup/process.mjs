/**
 * Child processes of the build tooling. Every heavy step writes its whole output to a log file in the cache, so the
 * terminal stays readable and a failure can still show what happened.
 */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, appendFileSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A step that could not be done; the command line tools print its message and nothing else. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {object} [options]
   * @param {number} [options.exitCode] As in the CLI: 1 verdict not met, 2 usage, 3 the environment lacks something.
   * @param {unknown} [options.cause]
   */
  constructor(message, { exitCode = 3, cause } = {}) {
    super(message, { cause });
    this.exitCode = exitCode;
  }
}

/** Lines of a failed command's output that are repeated in the error. */
const TAIL_LINES = 30;

/**
 * Runs a command to its end.
 *
 * @param {string} command Executable, looked up on PATH.
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env] Added to the environment of this process.
 * @param {string} [options.log] File that receives stdout and stderr.
 * @param {(line: string) => void} [options.onLine] Called with every line of stdout and stderr.
 * @returns {Promise<void>} Rejects with a `SetupError` that carries the last lines of the output.
 */
export function run(command, args, { cwd, env, log, onLine } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const tail = [];
    const take = (line) => {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      onLine?.(line);
    };
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        if (log) appendFileSync(log, text);
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        lines.forEach(take);
      });
      stream.on('end', () => rest && take(rest));
    }
    child.on('error', (cause) => {
      reject(new SetupError(`${command} could not be started: ${cause.message}`, { cause }));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve();
      const where = log ? `\nThe whole output is in ${log}` : '';
      const outcome = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      reject(new SetupError(`${command} ${args.join(' ')}\n${outcome}. Its last lines:\n${tail.join('\n')}${where}`));
    });
  });
}

/**
 * Output of a short command.
 *
 * @param {string} command
 * @param {string[]} args
 * @returns {string | undefined} Trimmed stdout, undefined where the command is missing or fails.
 */
export function output(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return status === 0 ? stdout.trim() : undefined;
}

/**
 * Path of an executable on PATH.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function which(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name);
    if (!existsSync(file)) continue;
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // Not executable for this user: a later folder of PATH may hold one that is.
    }
  }
  return undefined;
}

/**
 * Runs the main function of a command line tool and turns a failure into a message and an exit code.
 *
 * @param {() => Promise<void> | void} main
 */
export async function runMain(main) {
  try {
    await main();
  } catch (error) {
    const expected = error instanceof SetupError;
    console.error(expected ? error.message : error);
    process.exitCode = expected ? error.exitCode : 1;
  }
}
