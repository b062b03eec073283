import { stat } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';

import { glob, isDynamicPattern } from 'tinyglobby';

import { ArgumentError, checkPath, invalidArgument, MediaError, type FoveateError } from '../errors/index.js';
import { readStream } from '../image/input.js';
import { pictureExtensions, picturesOfFolder } from './folder-pictures.js';

/** A picture that was named on the command line, by itself or as part of a folder or pattern. */
export interface InputPicture {
  /** As the user would name it; `-` is standard input. */
  readonly name: string;
  /** undefined for standard input. */
  readonly path: string | undefined;
  /** What a task takes. Rejects with MEDIA_NOT_FOUND where there is nothing, INVALID_ARGUMENT where the name cannot be that of a picture. */
  load(signal: AbortSignal): Promise<string | Uint8Array>;
}

/** What a command line names. */
export interface InputPictures {
  readonly pictures: readonly InputPicture[];
  /** Files in folders that are not pictures by their names. */
  readonly passedOver: number;
}

/** By name as people count: frame2 before frame10. The same on every machine. */
const collator = new Intl.Collator('en', { numeric: true });

/**
 * All pictures that `args` name, in that order; those of a folder or pattern by name. Each file once. What names nothing is a picture that
 * cannot be loaded, so that it is reported like any other bad one. Throws INVALID_ARGUMENT for standard input given twice.
 */
export async function listPictures(args: readonly string[], recursive: boolean, signal: AbortSignal): Promise<InputPictures> {
  if (args.filter((arg) => arg === '-').length > 1) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Standard input (-) is named more than once',
      hint: 'It holds one picture.',
    });
  }
  const pictures = new Map<string, InputPicture>();
  let passedOver = 0;
  for (const arg of args) {
    const named = await picturesOf(arg, recursive, signal);
    passedOver += named.passedOver;
    for (const picture of named.pictures) {
      const key = picture.path === undefined ? '-' : resolve(picture.path);
      if (!pictures.has(key)) pictures.set(key, picture);
    }
  }
  return { pictures: [...pictures.values()], passedOver };
}

async function picturesOf(arg: string, recursive: boolean, signal: AbortSignal): Promise<InputPictures> {
  if (arg === '-') return only(standardInput);
  let path: string;
  try {
    path = pathOf(arg);
  } catch (error) {
    return only(bad(arg, error as ArgumentError));
  }
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return picturesIn(path, recursive, signal);
  // A file whose name happens to look like a pattern is that file.
  if (found !== undefined || !isDynamicPattern(path)) return only(file(path));
  const paths = await glob(path, { expandDirectories: false, absolute: isAbsolute(path) });
  return paths.length > 0
    ? only(...paths.sort(collator.compare).map(file))
    : only(nothing(path, `No file matches ${path}`, 'Check the pattern.'));
}

function only(...pictures: readonly InputPicture[]): InputPictures {
  return { pictures, passedOver: 0 };
}

/** The path that is meant: a file has one name here, also where it is given as a `file:` URL. Throws INVALID_ARGUMENT. */
function pathOf(arg: string): string {
  if (/^https?:/i.test(arg)) {
    throw invalidArgument('image', 'a local picture', arg, `Fetch it first: curl -s '${arg}' | foveate run MODEL -`);
  }
  if (arg === '') {
    throw invalidArgument('image', 'a picture', arg, 'A variable of the shell that is not set gives an empty argument.');
  }
  return checkPath('image', arg);
}

async function picturesIn(folder: string, recursive: boolean, signal: AbortSignal): Promise<InputPictures> {
  const { pictures: paths, unreadable, passedOver, nested } = await picturesOfFolder(folder, recursive, signal);
  const pictures = [...paths.map(file), ...unreadable.map(({ path, cause }) => closed(path, cause))];
  if (pictures.length === 0) {
    const hint = nested
      ? '--recursive looks into its subfolders too.'
      : `Pictures are recognised by ${[...pictureExtensions].join(', ')}.`;
    pictures.push(nothing(folder, `There is no picture in the folder ${folder}`, hint));
  }
  return { pictures: pictures.sort((left, right) => collator.compare(left.name, right.name)), passedOver };
}

/** A folder that cannot be read. */
function closed(path: string, cause: unknown): InputPicture {
  const { code, message } = cause as NodeJS.ErrnoException;
  const isForbidden = code === 'EACCES' || code === 'EPERM';
  return nothing(
    path,
    `Cannot read the folder ${path}: ${message}`,
    isForbidden
      ? 'Run as a user who may read it, or have its permissions changed (ls -ld shows them).'
      : 'Check that it is still there and that its disk can be read.',
  );
}

function file(path: string): InputPicture {
  return { name: path, path, load: () => Promise.resolve(path) };
}

function nothing(path: string, message: string, hint: string): InputPicture {
  return bad(path, new MediaError('MEDIA_NOT_FOUND', { message, hint }));
}

function bad(name: string, error: FoveateError): InputPicture {
  return { name, path: name, load: () => Promise.reject(error) };
}

const standardInput: InputPicture = {
  name: '-',
  path: undefined,
  load: (signal) => readStream(process.stdin, signal),
};
