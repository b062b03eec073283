import { join, resolve } from 'node:path';

import { ArgumentError, MediaError } from '../errors/index.js';
import { fileIdentity } from './file-identity.js';
import { ResultsFile } from './results-file.js';
import type { DoneBefore } from './run-journal.js';

/** Where the results of a run go, and in which form. */
export interface RunDestination {
  readonly format: 'table' | 'json' | 'ndjson' | 'csv';
  /** The file of the results; standard output where undefined. */
  readonly results: string | undefined;
  /** The folder of annotated pictures. */
  readonly output: string | undefined;
}

/**
 * Where account is kept of what a run has done: beside its results, else among its annotated pictures. undefined where there is nothing to go on
 * with: nothing is written, or one JSON document, which is whole or useless.
 */
export function journalPathOf({ format, results, output }: RunDestination): string | undefined {
  if (results !== undefined) return format === 'json' ? undefined : `${results}.foveate-journal`;
  return output === undefined ? undefined : join(output, '.foveate-journal');
}

/** Throws INVALID_ARGUMENT for options that do not go together. */
export function checkDestination(destination: RunDestination, resume: boolean, inputs: readonly string[]): void {
  if (destination.results !== undefined && destination.format === 'table') {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Expected --json, --ndjson or --csv beside --results but received none of them',
      hint: 'Say in which form the results are to be written.',
    });
  }
  if (!resume) return;
  if (journalPathOf(destination) === undefined) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Expected --output, or --results with --ndjson or --csv, beside --resume',
      hint: 'Only what is written to files picture by picture can be gone on with.',
    });
  }
  if (inputs.includes('-')) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Expected files beside --resume but received standard input (-)',
      hint: 'What came through standard input cannot be told apart from what comes next: write it to a file first.',
    });
  }
}

/**
 * Opens the file of the results, to go on in it where an earlier run left it. Throws OUTPUT_NOT_WRITABLE, also where it is one of the files that are
 * `read`, however it is reached.
 */
export async function openResults(
  path: string,
  before: DoneBefore | undefined,
  overwrite: boolean,
  read: readonly string[],
): Promise<ResultsFile> {
  const identity = await fileIdentity(path);
  if (identity !== undefined) {
    for (const input of read) {
      if ((await fileIdentity(input)) !== identity) continue;
      throw new MediaError('OUTPUT_NOT_WRITABLE', {
        message: `The results would overwrite ${path}, which is read`,
        hint: 'Name another file with --results.',
      });
    }
  }
  return before === undefined ? ResultsFile.create(path, overwrite) : ResultsFile.reopen(path, before.end);
}

/** Whether a path is that of a file which an earlier run wrote. */
export function isWritten(before: DoneBefore | undefined, path: string): boolean {
  const absolute = resolve(path);
  return before !== undefined && (before.files.has(absolute) || before.unfinished.has(absolute));
}
