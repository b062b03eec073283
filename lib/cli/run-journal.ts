import { appendFileSync, openSync, closeSync, rmSync, truncateSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';

import { ArgumentError, MediaError } from '../errors/index.js';
import { fileStamp, type FileStamp } from './file-identity.js';
import type { InputPicture } from './inputs.js';
import type { Span } from './results-file.js';
import { notWritable } from '../text/index.js';

/** What a run must have in common with the one that it goes on with: JSON by name, options by the library's names. */
export type RunSettings = Readonly<Record<string, unknown>>;

/** A line of the journal. The first one holds the settings. */
type Line =
  | { readonly settings: RunSettings }
  /** These files are about to be written for a picture. */
  | { readonly writing: string; readonly files: readonly string[] }
  /** A picture is done and told. */
  | ({ readonly done: string } & DonePicture)
  /** The results of these pictures are about to be taken out of the file, which then ends at this byte. */
  | { readonly removing: readonly string[]; readonly end: number }
  /** They are out of it. */
  | { readonly removed: readonly string[] };

/** A picture that was done; its results lie at these bytes. */
interface DonePicture extends Span {
  readonly failed: boolean;
  /** What it was when it was read; null where there was no file. */
  readonly file: FileStamp | null;
}

/** What a run had done when it ended. */
export interface DoneBefore {
  /** By {@link pictureKey}, in the order of the results. */
  readonly pictures: ReadonlyMap<string, DonePicture>;
  /** The files that were written, or begun, for each picture, absolute. */
  readonly writing: ReadonlyMap<string, readonly string[]>;
  /** Those of the pictures that are done. */
  readonly files: ReadonlySet<string>;
  /** Those of pictures that were not done yet: what is there of them is of no use. */
  readonly unfinished: ReadonlySet<string>;
  /** Where the results of these pictures end, in bytes. */
  readonly end: number;
  /** Size of the journal up to the last whole line. */
  readonly journalBytes: number;
  /** Pictures whose results were taken out when the process was ended, before the journal could say so. */
  readonly unconfirmed: readonly string[];
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
  /** What pictures were when they were read, until they are done. */
  readonly #stamps = new Map<InputPicture, FileStamp | null>();

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
      else if (before.unconfirmed.length > 0) journal.removed(before.unconfirmed);
      return journal;
    } catch (error) {
      throw error instanceof MediaError ? error : notWritable(path, error);
    }
  }

  /** Before a picture is read: one that is replaced after that is noticed when the run is gone on with. */
  async reading(picture: InputPicture): Promise<void> {
    this.#stamps.set(picture, picture.path === undefined ? null : await fileStamp(picture.path));
  }

  /** Before the files of a picture are written. */
  writing(picture: InputPicture, files: readonly string[]): void {
    this.#append({ writing: pictureKey(picture), files: files.map((file) => resolve(file)) });
  }

  /** After all of a picture is written, its results at these bytes. */
  done(picture: InputPicture, { start, end }: Span, failed: boolean): void {
    this.#append({ done: pictureKey(picture), failed, start, end, file: this.#stamps.get(picture) ?? null });
    this.#stamps.delete(picture);
  }

  /** Before the results of pictures are taken out of the file, which then ends at `end`. */
  removing(pictures: readonly string[], end: number): void {
    this.#append({ removing: pictures, end });
  }

  /** After that. */
  removed(pictures: readonly string[]): void {
    this.#append({ removed: pictures });
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
 * What the run had done that the journal at `path` tells of, and the file of its `results`; undefined where there is none, or where it ended before
 * its first line was whole.
 *
 * Throws INVALID_ARGUMENT where that run had other settings, OUTPUT_NOT_WRITABLE where the journal is damaged.
 */
export async function readJournal(
  path: string,
  settings: RunSettings,
  results: string | undefined,
): Promise<DoneBefore | undefined> {
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
  const account = accountOf(lines);
  const before = doneBefore(account, journalBytes);
  const { removing } = account;
  if (removing === undefined || results === undefined) return before;
  // Ended between both lines: the file is put in place whole or not at all, so its size tells.
  const size = (await stat(results).catch(() => undefined))?.size;
  return size === removing.end ? { ...withoutPictures(before, removing.pictures), unconfirmed: removing.pictures } : before;
}

/** What the lines of a journal come to. */
interface Account extends Pick<DoneBefore, 'pictures' | 'writing' | 'end'> {
  /** What the last line says, if it is such a line. */
  readonly removing: { readonly pictures: readonly string[]; readonly end: number } | undefined;
}

function accountOf(lines: readonly Line[]): Account {
  let pictures = new Map<string, DonePicture>();
  const writing = new Map<string, readonly string[]>();
  let end = 0;
  let removing: Account['removing'];
  for (const line of lines) {
    removing = 'removing' in line ? { pictures: line.removing, end: line.end } : undefined;
    if ('writing' in line) writing.set(line.writing, line.files);
    if ('removed' in line) {
      const removed = new Set(line.removed);
      end -= bytesOf(pictures, removed);
      pictures = movedUp(pictures, removed);
    }
    if ('done' in line) {
      const { done, ...picture } = line;
      pictures.set(done, picture);
      end = picture.end;
    }
  }
  return { pictures, writing, end, removing };
}

function doneBefore({ pictures, writing, end }: Omit<Account, 'removing'>, journalBytes: number): DoneBefore {
  const filesOf = (done: boolean): Set<string> =>
    new Set([...writing].filter(([picture]) => pictures.has(picture) === done).flatMap(([, files]) => files));
  return { pictures, writing, files: filesOf(true), unfinished: filesOf(false), end, journalBytes, unconfirmed: [] };
}

/** The same as if these pictures were not done, nor their results in the file. */
export function withoutPictures(before: DoneBefore, keys: readonly string[]): DoneBefore {
  const removed = new Set(keys);
  const pictures = movedUp(before.pictures, removed);
  return doneBefore({ ...before, pictures, end: before.end - bytesOf(before.pictures, removed) }, before.journalBytes);
}

function bytesOf(pictures: DoneBefore['pictures'], keys: ReadonlySet<string>): number {
  return [...pictures].reduce((sum, [key, { start, end }]) => (keys.has(key) ? sum + end - start : sum), 0);
}

/** Pictures without some of them, whose results those behind them move up by. */
function movedUp(pictures: DoneBefore['pictures'], keys: ReadonlySet<string>): Map<string, DonePicture> {
  const left = new Map<string, DonePicture>();
  let removed = 0;
  for (const [key, picture] of pictures) {
    const { start, end } = picture;
    if (keys.has(key)) removed += end - start;
    else left.set(key, { ...picture, start: start - removed, end: end - removed });
  }
  return left;
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
