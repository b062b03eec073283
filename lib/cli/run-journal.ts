import { appendFileSync, openSync, closeSync, rmSync, truncateSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { ArgumentError, MediaError } from '../errors/index.js';
import type { InputPicture } from './inputs.js';
import { notWritable } from './whole-file.js';

/** What a run must have in common with the one that it goes on with: JSON by name, options by the library's names. */
export type RunSettings = Readonly<Record<string, unknown>>;

/** A line of the journal. The first one holds the settings. */
type Line =
  | { readonly settings: RunSettings }
  /** These files are about to be written for a picture. */
  | { readonly writing: string; readonly files: readonly string[] }
  /** A picture is done and told; the results end at this byte. */
  | { readonly done: string; readonly end: number; readonly failed: boolean };

/** What a run had done when it ended. */
export interface DoneBefore {
  /** {@link pictureKey} of each picture, and whether it failed. */
  readonly pictures: ReadonlyMap<string, boolean>;
  /** Files of these pictures, absolute. */
  readonly files: ReadonlySet<string>;
  /** Files of pictures that were not done yet: what is there of them is of no use. */
  readonly unfinished: ReadonlySet<string>;
  /** Where the results of these pictures end, in bytes. */
  readonly end: number;
  /** Size of the journal up to the last whole line. */
  readonly journalBytes: number;
}

/** What stands for a picture, wherever the call is made from. */
export function pictureKey({ path }: InputPicture): string {
  return path === undefined ? '-' : resolve(path);
}

/**
 * Account of what a run has done, a line of JSON at a time, so that it can go on after whatever ended it. A picture counts as done once its line is
 * there, which is written last: its files are in place and its results are written by then. So what is done is done once, and what has no line is
 * done again: its files are replaced, and the results are cut back to where the last line says that they end.
 */
export class RunJournal {
  readonly #path: string;
  readonly #descriptor: number;

  private constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
  }

  /** Begins a journal in place of any that is there, or goes on with the one that `before` was read from. Throws OUTPUT_NOT_WRITABLE. */
  static open(path: string, settings: RunSettings, before: DoneBefore | undefined): RunJournal {
    try {
      // A line that was cut off goes, or the next one would be part of it.
      if (before !== undefined) truncateSync(path, before.journalBytes);
      const journal = new RunJournal(path, openSync(path, before === undefined ? 'w' : 'a'));
      if (before === undefined) journal.#append({ settings });
      return journal;
    } catch (error) {
      throw error instanceof MediaError ? error : notWritable(path, error);
    }
  }

  /** Before the files of a picture are written. */
  writing(picture: InputPicture, files: readonly string[]): void {
    this.#append({ writing: pictureKey(picture), files: files.map((file) => resolve(file)) });
  }

  /** After all of a picture is written. `end`: size of the results then. */
  done(picture: InputPicture, end: number, failed: boolean): void {
    this.#append({ done: pictureKey(picture), end, failed });
  }

  /** Once all pictures are done. */
  close(keep: boolean): void {
    closeSync(this.#descriptor);
    if (!keep) rmSync(this.#path, { force: true });
  }

  #append(line: Line): void {
    try {
      appendFileSync(this.#descriptor, `${JSON.stringify(line)}\n`);
    } catch (error) {
      throw notWritable(this.#path, error);
    }
  }
}

/**
 * What the run had done that the journal at `path` tells of; undefined where there is none, or where it ended before its first line was whole.
 *
 * Throws INVALID_ARGUMENT where that run had other settings, OUTPUT_NOT_WRITABLE where the journal is damaged.
 */
export async function readJournal(path: string, settings: RunSettings): Promise<DoneBefore | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw notWritable(path, error);
  }
  const journalBytes = bytes.lastIndexOf('\n') + 1;
  const [first, ...lines] = bytes
    .toString('utf8', 0, journalBytes)
    .split('\n')
    .slice(0, -1)
    .map((text, i) => parseLine(text, path, i + 1));
  if (first === undefined) return undefined;
  if (!('settings' in first)) throw damaged(path, 1);
  checkSame(first.settings, settings, path);
  const pictures = new Map<string, boolean>();
  const writing = new Map<string, readonly string[]>();
  let end = 0;
  for (const line of lines) {
    if ('writing' in line) writing.set(line.writing, line.files);
    if ('done' in line) {
      pictures.set(line.done, line.failed);
      end = line.end;
    }
  }
  const filesOf = (done: boolean): Set<string> =>
    new Set([...writing].filter(([picture]) => pictures.has(picture) === done).flatMap(([, files]) => files));
  return { pictures, files: filesOf(true), unfinished: filesOf(false), end, journalBytes };
}

function parseLine(text: string, path: string, number: number): Line {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null) return line as Line;
  } catch {
    // told below
  }
  throw damaged(path, number);
}

function damaged(path: string, line: number): MediaError {
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `Cannot go on with the run that ${path} keeps account of: line ${line} of it is damaged`,
    hint: 'Begin anew: --overwrite without --resume.',
    details: { path, line },
  });
}

function checkSame(before: RunSettings, now: RunSettings, path: string): void {
  const shown = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value));
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const [old, given] = [shown(before[name]), shown(now[name])];
    if (old === given) continue;
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected ${old} for option ${name}, as in the run that ${path} keeps account of, but received ${given}`,
      hint: 'Call it with the same model and options to go on, or begin anew: --overwrite without --resume.',
      details: { option: name, expected: before[name], received: now[name] },
    });
  }
}
