import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll } from 'vitest';

const made: string[] = [];

afterAll(async () => {
  for (const folder of made.splice(0)) await rm(folder, { recursive: true });
});

/** A folder with these files, by their paths; null is an empty folder. Gone after the tests of the file. */
export async function folderWith(files: Readonly<Record<string, string | Uint8Array | null>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'foveate dataset '));
  made.push(folder);
  for (const [path, content] of Object.entries(files)) {
    const target = join(folder, path);
    await mkdir(content === null ? target : dirname(target), { recursive: true });
    if (content !== null) await writeFile(target, content);
  }
  return folder;
}
