import { stat } from 'node:fs/promises';

/** The same for every path that leads to one file: links too. undefined where there is none. */
export async function fileIdentity(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev}:${found.ino}`;
}
