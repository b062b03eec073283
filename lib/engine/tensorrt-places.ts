/** Where TensorRT is looked for. Folders are listed, nothing is opened. */
import { existsSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';

import { userCacheFolder } from './user-cache.js';

/** One place that libraries are looked for in. */
export interface SearchPlace {
  /** Why there: an option, an environment variable, an environment of Python. */
  readonly origin: string;
  /** Whether the user named it. */
  readonly named: boolean;
  /** What to call it; undefined where there is no such place. */
  readonly where: string | undefined;
  /** Folders to look into, or libraries. They need not exist. */
  readonly paths: readonly string[];
}

/** The variable that names folders or libraries. */
export const tensorRtVariable = 'FOVEATE_TENSORRT_PATH';

/** The origin of what `foveate install` brought. */
export const installOrigin = 'foveate install';

/** What NVIDIA's Python packages call the folders that hold the libraries. */
const pythonPackages = ['tensorrt_libs', 'tensorrt_rtx_libs', 'tensorrt_lean_libs'];

/** The folder of the GNU systems that hold libraries of several processors. */
const multiarchFolder = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' }[process.arch as string];

const systemFolders = [
  ...(multiarchFolder === undefined ? [] : [`/usr/lib/${multiarchFolder}`]),
  '/usr/lib64',
  '/usr/local/lib',
  '/usr/local/tensorrt/lib',
  '/opt/tensorrt/lib',
];

/** Every place, in the order that they are looked at. An explicit path is the only place: nothing else is tried behind the user's back. */
export function searchPlaces(explicit: string | undefined): readonly SearchPlace[] {
  if (explicit !== undefined)
    return [{ origin: 'option tensorrtPath', named: true, where: explicit, paths: [resolve(explicit)] }];
  const variable = process.env[tensorRtVariable];
  const named = pathList(variable);
  return [
    {
      origin: `environment variable ${tensorRtVariable}`,
      named: true,
      where: named.length === 0 ? undefined : variable,
      paths: named,
    },
    cachePlace(),
    ...pythonPrefixes().map(([origin, prefix]) => pythonPlace(origin, prefix)),
    ...pathList(process.env['LD_LIBRARY_PATH']).map((path) => folderPlace('LD_LIBRARY_PATH', path)),
    ...systemFolders.map((path) => folderPlace('system', path)),
  ];
}

/** The paths of a variable like PATH, absolute. */
function pathList(variable: string | undefined): string[] {
  return (variable ?? '')
    .split(delimiter)
    .filter((path) => path !== '')
    .map((path) => resolve(path));
}

function folderPlace(origin: string, path: string): SearchPlace {
  return { origin, named: false, where: path, paths: [path] };
}

/** What `foveate install` unpacked: a folder for each version, of which those with a dot are not finished. */
function cachePlace(): SearchPlace {
  const root = join(userCacheFolder(), 'tensorrt-rtx');
  const versions = entries(root).filter((name) => !name.startsWith('.'));
  return {
    origin: installOrigin,
    named: false,
    where: root,
    paths: versions.map((version) => join(root, version, 'tensorrt_rtx_libs')),
  };
}

/** Where the Pythons that the user works with are installed. */
function pythonPrefixes(): readonly (readonly [origin: string, prefix: string])[] {
  const { VIRTUAL_ENV: active, PATH: path } = process.env;
  const folder = pathList(path).find((bin) => ['python3', 'python'].some((name) => existsSync(join(bin, name))));
  const prefixes = new Map<string, string>();
  const add = (prefix: string, origin: string): unknown => prefixes.has(prefix) || prefixes.set(prefix, origin);
  if (active) add(resolve(active), 'VIRTUAL_ENV');
  // Not resolved any further: the python of a virtual environment is a link out of it.
  if (folder !== undefined) add(dirname(folder), 'Python on PATH');
  add(join(homedir(), '.local'), 'Python, user packages');
  add('/usr/local', 'Python, system packages');
  return [...prefixes].map(([prefix, origin]) => [origin, prefix]);
}

function pythonPlace(origin: string, prefix: string): SearchPlace {
  const lib = join(prefix, 'lib');
  const pythons = entries(lib).filter((name) => /^python3(\.\d+)?$/.test(name));
  // Debian's own Python calls it dist-packages.
  const sites = pythons.flatMap((name) => ['site-packages', 'dist-packages'].map((site) => join(lib, name, site)));
  return {
    origin,
    named: false,
    where: join(lib, 'python3*', 'site-packages'),
    paths: sites.flatMap((site) => pythonPackages.map((name) => join(site, name))),
  };
}

/** Names in a folder, in order; none where it cannot be read. */
function entries(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
