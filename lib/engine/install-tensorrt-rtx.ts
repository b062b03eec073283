/** Brings TensorRT-RTX from NVIDIA's Python package, with the user's pip, into foveate's cache. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { BackendError, MediaError } from '../errors/index.js';
import { sha256OfFile } from './file-hash.js';
import { makeFolder } from './folders.js';
import { PythonFailure, requirePip, runPython } from './python.js';
import { tensorRtRtxPackage, tensorRtRtxVersion, tensorRtRtxWheel, type TensorRtRtxWheel } from './tensorrt-rtx-wheel.js';
import { userCacheFolder } from './user-cache.js';

/** What would be installed, and where. */
export interface TensorRtRtxInstallation {
  readonly wheel: TensorRtRtxWheel;
  /** Where it lies once it is installed. */
  readonly folder: string;
  readonly library: string;
  /** The text of NVIDIA's licence. */
  readonly licence: string;
}

/** What is being done. */
export type InstallStep = 'download' | 'check' | 'unpack';

export interface InstallOptions {
  readonly signal: AbortSignal;
  readonly onStep: (step: InstallStep) => void;
  /** A file descriptor on which pip shows how far it is. */
  readonly progress: number;
}

/** Folders of installations that are not finished begin so: discovery passes over them. */
const unfinished = '.unfinished-';

/** How long an installation may take, in milliseconds: what is older was left by a process that was killed. */
const longestInstallation = 24 * 60 * 60 * 1000;

/** Throws BACKEND_UNAVAILABLE where there is none for this machine. */
export function tensorRtRtxInstallation(): TensorRtRtxInstallation {
  const wheel = tensorRtRtxWheel();
  const folder = join(userCacheFolder(), 'tensorrt-rtx', tensorRtRtxVersion);
  const library = join(folder, tensorRtRtxPackage.folder, tensorRtRtxPackage.library);
  return { wheel, folder, library, licence: join(folder, 'LICENSE.txt') };
}

/** Whether it is there. It is put in place by one rename, so what is there is complete. */
export function isInstalled({ library }: TensorRtRtxInstallation): boolean {
  return existsSync(library);
}

/**
 * Downloads the package, compares it with the pinned SHA-256, and puts its libraries and its licence in place, all or nothing, whatever
 * ends the process meanwhile. Where another process has been faster, its work stays.
 *
 * Throws BACKEND_UNAVAILABLE where it cannot be downloaded or unpacked, BACKEND_INVALID where it is not the pinned one, OUTPUT_NOT_WRITABLE;
 * where the signal is aborted, its reason or an AbortError.
 */
export async function installTensorRtRtx(installation: TensorRtRtxInstallation, options: InstallOptions): Promise<void> {
  const root = dirname(installation.folder);
  await requirePip(options.signal);
  try {
    await makeFolder(root);
    await removeLeftovers(root);
    const work = await mkdtemp(join(root, unfinished));
    try {
      await installBy(work, installation, options);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined ? error : notWritable(root, error);
  }
}

async function installBy(work: string, installation: TensorRtRtxInstallation, options: InstallOptions): Promise<void> {
  const { wheel } = installation;
  const wheelFile = await download(wheel, work, options);
  options.onStep('check');
  await check(wheelFile, wheel, options.signal);
  options.onStep('unpack');
  await putInPlace(await unpack(wheelFile, wheel, work, options.signal), installation, work);
}

/** Everything that pip writes on the way lies in `work`, but for its own cache. */
async function download({ pipPlatform }: TensorRtRtxWheel, work: string, options: InstallOptions): Promise<string> {
  const { signal, onStep, progress } = options;
  const temporary = join(work, 'tmp');
  const target = join(work, 'download');
  await mkdir(temporary);
  onStep('download');
  const select = ['--no-deps', '--only-binary', ':all:', '--platform', pipPlatform, '--dest', target];
  const args = ['-m', 'pip', 'download', '--disable-pip-version-check', ...select, tensorRtRtxPackage.requirement];
  try {
    await runPython(args, { signal, env: { TMPDIR: temporary }, output: progress });
    const [file] = await readdir(target);
    return join(target, file as string);
  } catch (error) {
    if (!(error instanceof PythonFailure)) throw error;
    throw new BackendError('BACKEND_UNAVAILABLE', {
      message: `pip could not download ${tensorRtRtxPackage.requirement}: ${error.complaint || error.message}`,
      hint: 'Check the network, the space on the disk, and the index that pip is set up for: python3 -m pip config list.',
      cause: error,
    });
  }
}

async function check(wheelFile: string, wheel: TensorRtRtxWheel, signal: AbortSignal): Promise<void> {
  const received = await sha256OfFile(wheelFile, signal);
  if (received === wheel.sha256) return;
  throw new BackendError('BACKEND_INVALID', {
    message: `Expected a package with the SHA-256 ${wheel.sha256} for ${tensorRtRtxPackage.requirement} but received ${received}`,
    hint: 'It was damaged on the way, or the index that pip is set up for has another one: python3 -m pip config list. Nothing was installed.',
    details: { expected: wheel.sha256, received },
  });
}

/** The folder of what is to be put in place. */
async function unpack(wheelFile: string, wheel: TensorRtRtxWheel, work: string, signal: AbortSignal): Promise<string> {
  const all = join(work, 'wheel');
  const wanted = join(work, 'wanted');
  try {
    await runPython(['-m', 'zipfile', '-e', wheelFile, all], { signal });
  } catch (error) {
    if (!(error instanceof PythonFailure)) throw error;
    throw new BackendError('BACKEND_UNAVAILABLE', {
      message: `python3 could not unpack ${wheelFile}: ${error.complaint || error.message}`,
      hint: 'Check that there is space on the disk, or name another folder with FOVEATE_CACHE_DIR.',
      cause: error,
    });
  }
  await mkdir(wanted);
  await rename(join(all, tensorRtRtxPackage.folder), join(wanted, tensorRtRtxPackage.folder));
  await rename(join(all, wheel.licence), join(wanted, 'LICENSE.txt'));
  return wanted;
}

async function putInPlace(from: string, installation: TensorRtRtxInstallation, work: string): Promise<void> {
  const { folder } = installation;
  // It comes into being only whole, so somebody took the library away from it. It goes by a rename too: another process may do the same.
  if (existsSync(folder) && !isInstalled(installation)) await rename(folder, join(work, 'ruin')).catch(() => {});
  try {
    await rename(from, folder);
  } catch (error) {
    if (!isInstalled(installation)) throw error;
  }
}

async function removeLeftovers(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    if (!name.startsWith(unfinished)) continue;
    const path = join(root, name);
    const found = await stat(path).catch(() => undefined);
    const left = found !== undefined && Date.now() - found.mtimeMs > longestInstallation;
    if (left) await rm(path, { recursive: true, force: true });
  }
}

function notWritable(path: string, cause: unknown): MediaError {
  return new MediaError('OUTPUT_NOT_WRITABLE', {
    message: `Cannot write ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
    hint: 'Check that it may be written to, and that there is space, or name another folder with FOVEATE_CACHE_DIR.',
    cause,
  });
}
