/** Runs Node in a process of its own, for what cannot be tested inside the test's. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export interface ChildResult {
  /** null where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly cwd?: string;
  /** Changes to the environment; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
  /** Called with all of stdout so far, whenever more of it comes. */
  readonly onOutput?: (stdout: string, child: { kill(signal: NodeJS.Signals): void }) => void;
}

/** Root of the checkout. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** The built library, as a `file:` URL for an import in a child's script. */
export const builtLibrary = new URL('../../dist/index.js', import.meta.url).href;

/** The inner door of the built library: the addon's own functions. */
export const builtBinding = new URL('../../dist/binding/index.js', import.meta.url).href;

export function runProgram(program: string, args: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  const { cwd, env, timeoutMs = 50_000, onOutput } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      onOutput?.(stdout, child);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

/** Runs `script`, the text of an ES module. */
export function runScript(script: string, nodeArgs: readonly string[] = [], options: ChildOptions = {}): Promise<ChildResult> {
  return runProgram(process.execPath, [...nodeArgs, '--input-type=module', '--eval', script], options);
}
