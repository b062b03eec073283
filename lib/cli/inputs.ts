import { readdir, stat } from 'node:fs/promises';
import { extname, isAbsolute, join, resolve } from 'node:path';

import { glob, isDynamicPattern } from 'tinyglobby';

import { ArgumentError, checkPath, invalidArgument, MediaError, type FoveateError } from '../errors/index.js';
import { readStream } from '../image/input.js';

/** A picture that was named on the command line, by itself or as part of a folder or pattern. */
export interface InputPicture {
  /** As the user would name it; `-` is standard input. */
  readonly name: string;
  /** undefined for standard input. */
  readonly path: string | undefined;
  /** What a task takes. Rejects with MEDIA_NOT_FOUND where there is nothing, INVALID_ARGUMENT where the name cannot be that of a picture. */
  load(signal: AbortSignal): Promise<string | Uint8Array>;
}

/** Files in a folder that are taken for pictures. */
const pictureExtensions: ReadonlySet<string> = new Set([
  '.jpg',
  '.jpeg',
  '.png',
  '.webp',
  '.gif',
  '.tif',
  '.tiff',
  '.avif',
  '.svg',
]);

/** By name as people count: frame2 before frame10. The same on every machine. */
const collator = new Intl.Collator('en', { numeric: true });

/**
 * All pictures that `args` name, in that order; those of a folder or pattern by name. Each file once. What names nothing is a picture that
 * cannot be loaded, so that it is reported like any other bad one. Throws INVALID_ARGUMENT for standard input given twice.
 */
export async function listPictures(args: readonly string[], recursive: boolean): Promise<InputPicture[]> {
  if (args.filter((arg) => arg === '-').length > 1) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Standard input (-) is named more than once',
      hint: 'It holds one picture.',
    });
  }
  const pictures = new Map<string, InputPicture>();
  for (const arg of args) {
    for (const picture of await picturesOf(arg, recursive)) {
      const key = picture.path === undefined ? '-' : resolve(picture.path);
      if (!pictures.has(key)) pictures.set(key, picture);
    }
  }
  return [...pictures.values()];
}

async function picturesOf(arg: string, recursive: boolean): Promise<InputPicture[]> {
  if (arg === '-') return [standardInput];
  let path: string;
  try {
    path = pathOf(arg);
  } catch (error) {
    return [bad(arg, error as ArgumentError)];
  }
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return picturesIn(path, recursive);
  // A file whose name happens to look like a pattern is that file.
  if (found !== undefined || !isDynamicPattern(path)) return [file(path)];
  const paths = await glob(path, { expandDirectories: false, absolute: isAbsolute(path) });
  return paths.length > 0
    ? paths.sort(collator.compare).map(file)
    : [nothing(path, `No file matches ${path}`, 'Check the pattern.')];
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

async function picturesIn(folder: string, recursive: boolean): Promise<InputPicture[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive });
  const isPicture = (name: string): boolean => !name.startsWith('.') && pictureExtensions.has(extname(name).toLowerCase());
  const paths = entries
    .filter((entry) => (entry.isFile() || entry.isSymbolicLink()) && isPicture(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
  if (paths.length > 0) return paths.sort(collator.compare).map(file);
  const nested = !recursive && entries.some((entry) => entry.isDirectory());
  return [
    nothing(
      folder,
      `There is no picture in the folder ${folder}`,
      nested ? '--recursive looks into its subfolders too.' : `Pictures are recognised by ${[...pictureExtensions].join(', ')}.`,
    ),
  ];
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
