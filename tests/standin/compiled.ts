import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot } from '../package/node-child.js';

/** A library of ours that stands in for a vendor's. */
export interface Standin {
  /** Of its folder: 'cuda'. */
  readonly name: string;
  /** As the vendor's library is called; the others are links to it. */
  readonly files: readonly [string, ...string[]];
  /** Folders of the project, or files; of a folder, all sources. */
  readonly sources: readonly string[];
  /** Folders of headers that they include, besides their own. */
  readonly headers?: readonly string[] | undefined;
  readonly flags?: readonly string[] | undefined;
}

/**
 * Compiles it, once for as long as its sources and the headers beside them stay the same: some seconds.
 *
 * @returns The folder of its files.
 */
export function compiled({ name, files, sources, headers: others = [], flags = [] }: Standin): string {
  const all = sources.flatMap((source) =>
    source.endsWith('.cc')
      ? [source]
      : readdirSync(join(projectRoot, source))
          .filter((file) => file.endsWith('.cc'))
          .map((file) => `${source}/${file}`),
  );
  const folders = [...new Set(all.map((file) => file.slice(0, file.lastIndexOf('/'))))];
  const headers = [...folders, ...others].flatMap((folder) =>
    readdirSync(join(projectRoot, folder))
      .filter((file) => file.endsWith('.h'))
      .map((file) => `${folder}/${file}`),
  );
  const [file, ...links] = files;
  const args = [
    ...['-std=c++20', '-g', '-shared', '-fPIC', '-pthread', `-I${join(projectRoot, 'native')}`, ...flags],
    ...all.map((source) => join(projectRoot, source)),
    ...[`-Wl,-soname,${file}`, '-Wl,--no-undefined', '-ldl'],
  ];
  const hash = createHash('sha256').update(JSON.stringify([files, args]));
  for (const read of [...all, ...headers]) hash.update(readFileSync(join(projectRoot, read)));
  const build = join(projectRoot, 'build');
  const folder = join(build, `standin-${name}-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(folder)) return folder;
  mkdirSync(build, { recursive: true });
  const partial = mkdtempSync(join(build, `standin-${name}-`));
  execFileSync('g++', [...args, '-o', join(partial, file)]);
  for (const link of links) symlinkSync(file, join(partial, link));
  try {
    renameSync(partial, folder); // whole, or not there
  } catch (error) {
    rmSync(partial, { recursive: true });
    if (!existsSync(folder)) throw error; // else another process was faster
  }
  return folder;
}
