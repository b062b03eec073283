/** Which TensorRT libraries lie on this machine, by their names: nothing is opened. */
import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

import type { NativeTensorRt } from '../binding/index.js';
import { searchPlaces, type SearchPlace } from './tensorrt-places.js';

/** 'tensorrt-lean' runs engines and builds none. */
export type TensorRtFamily = NativeTensorRt['family'];

/** A library that was found. */
export interface TensorRtCandidate {
  readonly family: TensorRtFamily;
  /** Why it was found: an option, an environment variable, an environment of Python. */
  readonly origin: string;
  readonly path: string;
  /** The ONNX parser beside it that has its version. */
  readonly parserPath: string | undefined;
  /** What its file name says of its version: '10', '10.15.1'; undefined where that is nothing. */
  readonly versionHint: string | undefined;
}

/** A place that was looked at. */
export interface TensorRtPlace {
  readonly origin: string;
  /** Whether the user named it. */
  readonly named: boolean;
  /** What was looked at; undefined where there is no such place. */
  readonly where: string | undefined;
  /** Why there is no library: 'not set'. undefined where there is one. */
  readonly missing: string | undefined;
  readonly libraries: readonly TensorRtCandidate[];
}

/** File names without `.so` and what follows it. */
const stems: Readonly<Record<TensorRtFamily, { readonly library: string; readonly parser: string | undefined }>> = {
  tensorrt: { library: 'libnvinfer', parser: 'libnvonnxparser' },
  'tensorrt-rtx': { library: 'libtensorrt_rtx', parser: 'libtensorrt_onnxparser_rtx' },
  'tensorrt-lean': { library: 'libnvinfer_lean', parser: undefined },
};

/** `tensorrt`, `tensorrt-rtx`, `tensorrt-lean` */
export const tensorRtFamilies = Object.keys(stems) as readonly TensorRtFamily[];

/** What the file of a family's ONNX parser is called, up to `.so`; undefined where it has none. */
export function parserStem(family: TensorRtFamily): string | undefined {
  return stems[family].parser;
}

/**
 * Every place that TensorRT is looked for in, and what lies there. In this order: `FOVEATE_TENSORRT_PATH`, what `foveate install` brought, Python
 * environments, `LD_LIBRARY_PATH`, the system; with an `explicit` path, a folder or a library, that alone. A library that is reached by several
 * ways counts where it is found first.
 */
export function tensorRtPlaces(explicit?: string): readonly TensorRtPlace[] {
  const seen = new Set<string>();
  return searchPlaces(explicit).map((place) => {
    const found = place.paths.flatMap((path) => librariesAt(path, place.origin));
    const libraries = found.filter(({ path }) => {
      const file = realpathSync(path);
      return !seen.has(file) && seen.add(file);
    });
    const { origin, named, where } = place;
    return { origin, named, where, missing: libraries.length > 0 ? undefined : missingAt(place, found.length > 0), libraries };
  });
}

/** Every library that was found. */
export function tensorRtCandidates(explicit?: string): readonly TensorRtCandidate[] {
  return tensorRtPlaces(explicit).flatMap(({ libraries }) => libraries);
}

function missingAt({ where, paths }: SearchPlace, repeated: boolean): string {
  if (where === undefined) return 'not set';
  if (repeated) return 'nothing that is not listed above';
  if (!paths.some((path) => typeOf(path) !== undefined)) return 'no such file or folder';
  const names = Object.values(stems).map(({ library }) => library);
  return `no ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function typeOf(path: string): 'file' | 'folder' | undefined {
  try {
    return statSync(path).isDirectory() ? 'folder' : 'file';
  } catch {
    return undefined; // missing, or in a folder that may not be entered
  }
}

/** `path` is a folder, or a library. */
function librariesAt(path: string, origin: string): TensorRtCandidate[] {
  const type = typeOf(path);
  if (type === undefined) return [];
  const folder = type === 'folder' ? path : dirname(path);
  const inFolder = filesIn(folder);
  const looked = type === 'folder' ? inFolder : [basename(path)];
  const libraries = tensorRtFamilies.flatMap((family) => {
    const { library, parser } = stems[family];
    return versionsOf(library, looked).map(({ name, version }) => ({
      family,
      origin,
      path: join(folder, name),
      parserPath: parser === undefined ? undefined : parserFor(version, folder, versionsOf(parser, inFolder)),
      versionHint: version,
    }));
  });
  // NVIDIA's archives keep the libraries in lib/.
  if (type === 'folder' && libraries.length === 0 && basename(folder) !== 'lib') return librariesAt(join(folder, 'lib'), origin);
  return libraries;
}

interface VersionedName {
  readonly name: string;
  /** Behind `.so.`; undefined where nothing is. */
  readonly version: string | undefined;
}

/** The files of a library among `names`: the name that says most of the version first, because links come before what they lead to. */
function versionsOf(stem: string, names: readonly string[]): VersionedName[] {
  const found: VersionedName[] = [];
  for (const name of names) {
    const version = /^\.so(?:\.(\d+(?:\.\d+)*))?$/.exec(name.slice(stem.length));
    if (name.startsWith(stem) && version !== null) found.push({ name, version: version[1] });
  }
  return found.sort((a, b) => b.name.length - a.name.length);
}

/** The parser of the same version, as far as both names tell. */
function parserFor(version: string | undefined, folder: string, parsers: readonly VersionedName[]): string | undefined {
  const parser = parsers.find((parser) => parser.version === version) ?? parsers.find((parser) => agree(parser.version, version));
  return parser === undefined ? undefined : join(folder, parser.name);
}

/** Whether one of them is the beginning of the other, part by part. */
function agree(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined || b === undefined) return true;
  return `${a}.`.startsWith(`${b}.`) || `${b}.`.startsWith(`${a}.`);
}

/** Names of the files in a folder, links to files included. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /\.so(\.|$)/.test(name) && typeOf(join(folder, name)) === 'file');
  } catch {
    return []; // a folder that may not be read
  }
}
