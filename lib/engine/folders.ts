import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Makes a folder and those that it lies in. Part by part: in /proc, the recursive mkdir of Node 20 never comes to an end. */
export async function makeFolder(path: string): Promise<void> {
  const isThere = async (): Promise<boolean> => (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
  if (await isThere()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    // Somebody else may have been faster.
    if (!(await isThere())) throw error;
  }
}

/** Puts a folder in place of another, or of none. Where that fails, the other is where it was. */
export async function replaceFolder(made: string, place: string): Promise<void> {
  const old = `${place}.${randomUUID()}.part`;
  const wasThere = await rename(place, old).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
  try {
    await rename(made, place);
  } catch (error) {
    if (wasThere) await rename(old, place);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}
