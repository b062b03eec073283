/** Runs the built program as a user would, in a process of its own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll } from 'vitest';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
export const program = join(projectRoot, 'dist/bin/main.js');

export const models = {
  classifier: join(projectRoot, 'examples/models/shapes-classifier.onnx'),
  detector: join(projectRoot, 'examples/models/shapes-detector.onnx'),
  segmenter: join(projectRoot, 'examples/models/shapes-segmenter.onnx'),
} as const;

export const picturesFolder = join(projectRoot, 'examples/pictures');
export const picture = (name: string): string => join(picturesFolder, name);

export interface CallOptions {
  readonly cwd?: string;
  /** Changes to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Written to standard input, which is then closed. */
  readonly stdin?: Uint8Array;
  /** Leaves standard input open, for {@link onOutput} to write to and close. */
  readonly stdinOpen?: boolean;
  /** Called once, with the first output. */
  readonly onOutput?: (child: ChildProcess, text: string) => void;
  /** Called with each piece of standard error. */
  readonly onStderr?: (child: ChildProcess, text: string) => void;
  /** Sends a signal as soon as `when` is so, which is asked again and again. */
  readonly kill?: { readonly when: () => boolean; readonly signal: NodeJS.Signals };
  readonly stdout?: number;
}

export interface CallResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `foveate ARGS` */
export function foveate(args: readonly string[], options: CallOptions = {}): Promise<CallResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: options.cwd ?? projectRoot,
      env: { ...process.env, ...options.env },
      stdio: ['pipe', options.stdout ?? 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stdout?.once('data', (text: string) => options.onOutput?.(child, text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      options.onStderr?.(child, text);
    });
    const { kill } = options;
    const watch = kill && setInterval(() => kill.when() && child.kill(kill.signal) && clearInterval(watch), 2);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearInterval(watch);
      resolve({ code, signal, stdout, stderr });
    });
    child.stdin?.on('error', () => {}); // a program that does not read it may be gone already
    if (options.stdinOpen !== true) child.stdin?.end(options.stdin);
  });
}

export interface Typing {
  /** Typed once this is shown. */
  readonly awaited: string;
  /** `\\x03` stands for Ctrl-C. */
  readonly typed: string;
  /** Changes to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** `foveate ARGS` on a pseudo-terminal; what the terminal received. */
export function foveateOnTerminal(
  args: readonly string[],
  { awaited, typed, env = {} }: Typing,
): Promise<{ code: number | null; shown: string }> {
  const terminal = fileURLToPath(new URL('terminal.py', import.meta.url));
  // The changes are for the program alone: a PATH may hold another python3.
  const changes = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return new Promise((resolve, reject) => {
    const child = spawn('python3', [terminal, awaited, typed, 'env', ...changes, process.execPath, program, ...args], {
      // Where tests run by themselves, these switch colours off or on.
      env: { ...process.env, CI: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined, TERM: 'xterm-256color' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (shown += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, shown }));
  });
}

/** A folder that is removed when the tests of the file are over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'foveate-cli-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
