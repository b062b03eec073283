import { stat } from 'node:fs/promises';

/** The same for every path that leads to one file: links too. undefined where there is none. */
export async function fileIdentity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}

/** By which it is noticed that a file was replaced or changed. */
export interface FileStamp {
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** null where there is no regular file. */
export async function fileStamp(path: string): Promise<FileStamp | null> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? { bytes: found.size, modifiedMs: found.mtimeMs } : null;
}
