import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';

import { CommanderError } from 'commander';

import { ArgumentError, FoveateError, InternalError, MediaError } from '../errors/index.js';
import { printable } from '../text/index.js';
import { paint } from './color.js';
import { exitCodeOf, type ExitCode } from './exit.js';
import { JsonDocument } from './json-document.js';
import { errorInFlags, type Flags } from './wording.js';

/** Why a call ends early although nothing failed. */
class Ending {
  constructor(
    readonly exitCode: ExitCode,
    /** What is said on standard error. */
    readonly words: string | undefined,
  ) {}
}

const interruptions = {
  SIGINT: new Ending(130, 'Interrupted'),
  SIGTERM: new Ending(143, 'Terminated'),
} as const;

/** Nobody reads standard output any more, as after `| head`: they have what they wanted. */
const readerGone = new Ending(0, undefined);

/** One call of the program: its streams, what interrupts it, and how it ends. */
export class Invocation {
  /** Standard output as one JSON document; undefined without --json. */
  readonly document: JsonDocument | undefined;
  exitCode: ExitCode = 0;
  /** The flags that errors are worded in. */
  flags: Flags = new Map();
  readonly #controller = new AbortController();
  /** With --ndjson: standard output is a JSON document a line. */
  readonly #lines: boolean;

  /** `args`: the command line, without node and the script. */
  constructor(args: readonly string[]) {
    const end = args.indexOf('--');
    // Asked for before it is parsed, because a wrong command line is answered in JSON too.
    const flags = end === -1 ? args : args.slice(0, end);
    const json = flags.includes('--json');
    this.document = json ? new JsonDocument((text) => this.out(text)) : undefined;
    this.#lines = !json && flags.includes('--ndjson');
    // One signal serves all pictures in flight.
    setMaxListeners(0, this.signal);
  }

  /** Aborted by Ctrl-C, by SIGTERM, and when standard output cannot be written to. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Watches signals and streams until the process ends. The first signal ends the call in order, the second one at once. */
  watch(): void {
    for (const [name, ending] of Object.entries(interruptions)) {
      process.on(name, () => {
        if (this.signal.aborted) process.exit(ending.exitCode);
        this.#controller.abort(ending);
      });
    }
    process.stdout.on('error', (cause: NodeJS.ErrnoException) => this.#controller.abort(stdoutFailure(cause)));
    // There is nobody left to tell.
    process.stderr.on('error', () => {});
  }

  /** Writes to standard output: results. */
  out(text: string): void {
    if (process.stdout.writable) process.stdout.write(text);
  }

  /** Waits until standard output is written, or known not to be: then {@link signal} is aborted. */
  async outWritten(): Promise<void> {
    if (process.stdout.writable) await new Promise((resolve) => process.stdout.write('', resolve));
    // The stream tells of its error after it has called back.
    await setImmediate();
  }

  /** Writes a line to standard error: everything else. */
  tell(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  /** An error as data, in the words of the command line. */
  worded(error: FoveateError): ReturnType<FoveateError['toJSON']> {
    return errorInFlags(error, this.flags);
  }

  /** Tells of an error, and of which of many inputs it is about where its message does not. */
  warn(error: FoveateError, subject = ''): void {
    const { code, message, hint } = this.worded(error);
    const about = message.includes(subject) ? '' : `${printable(subject)}: `;
    this.tell(`${paint(process.stderr, 'red', 'error:')} ${about}${message} ${paint(process.stderr, 'dim', `[${code}]`)}`);
    if (hint !== undefined) this.tell(`${paint(process.stderr, 'yellow', 'hint:')} ${hint}`);
  }

  /** Ends the call with what was thrown: tells it, on standard output too where that is JSON, and sets the exit code. */
  fail(thrown: unknown): void {
    const reason: unknown = this.signal.aborted ? this.signal.reason : thrown;
    if (reason instanceof CommanderError && isHelp(reason)) {
      // Help that was not asked for stands for a verb that is missing.
      this.exitCode = reason.exitCode === 0 ? 0 : 2;
      return;
    }
    if (reason instanceof Ending) {
      this.exitCode = reason.exitCode;
      if (reason.words === undefined) return;
      this.tell(reason.words);
      this.#tellFailure({ code: 'ABORTED', message: reason.words });
      return;
    }
    const error = toFoveateError(reason);
    this.exitCode = exitCodeOf(error);
    this.warn(error);
    if (error instanceof InternalError) this.tell((error.cause instanceof Error ? error.cause.stack : error.stack) ?? '');
    this.#tellFailure(this.worded(error));
  }

  #tellFailure(error: object): void {
    this.document?.fail(error);
    if (this.#lines) this.out(`${JSON.stringify({ error })}\n`);
  }
}

function stdoutFailure(cause: NodeJS.ErrnoException): Ending | MediaError {
  if (cause.code === 'EPIPE') return readerGone;
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `Cannot write to standard output: ${cause.message}`,
    hint: 'Check where it leads.',
    cause,
  });
}

/** commander throws where it has answered with help or the version. */
function isHelp(error: CommanderError): boolean {
  return error.exitCode === 0 || error.code === 'commander.help';
}

function toFoveateError(thrown: unknown): FoveateError {
  if (thrown instanceof FoveateError) return thrown;
  if (thrown instanceof CommanderError) return usageError(thrown);
  return new InternalError('INTERNAL', {
    message: `Unexpected failure: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    hint: 'This is a fault of foveate; please report it with the stack below.',
    cause: thrown,
  });
}

/** commander's `error: <message>\n(<suggestion>)`. */
function usageError(error: CommanderError): ArgumentError {
  const [first = '', suggestion] = error.message.split('\n');
  const message = first.replace(/^error: /, '');
  const code = error.code === 'commander.unknownOption' ? 'UNKNOWN_OPTION' : 'INVALID_ARGUMENT';
  const hint = suggestion?.replace(/^\((.*)\)$/, '$1') ?? '`foveate --help` and `foveate help VERB` show what there is.';
  return new ArgumentError(code, { message: `${message.charAt(0).toUpperCase()}${message.slice(1)}`, hint });
}
