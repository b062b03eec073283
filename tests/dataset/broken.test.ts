import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { DatasetError, openDataset, type DatasetOptions } from '../../lib/index.js';
import { folderWith } from './made-folders.js';

interface Broken {
  readonly name: string;
  readonly files: Readonly<Record<string, string | Uint8Array | null>>;
  readonly open: string;
  readonly options?: DatasetOptions;
  readonly code: string;
  readonly file: string;
  readonly line?: number;
  readonly field?: string;
  readonly says: readonly string[];
}

interface BrokenScript {
  readonly broken: readonly Broken[];
  readonly brokenTable: () => string;
}

const script = new URL('./broken.mjs', import.meta.url).href;
const { broken, brokenTable } = (await import(script)) as BrokenScript;

/** Reads all of it, as far as that goes. */
async function readAll(path: string, options: DatasetOptions | undefined): Promise<void> {
  const dataset = await openDataset(path, options);
  for await (const { labelMap } of dataset.images()) await labelMap?.();
}

it.each(broken)('$name', async ({ files, open, options, code, file, line, field, says }) => {
  const folder = await folderWith(files);
  const error: unknown = await readAll(join(folder, open), options).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(DatasetError);
  const { code: received, message, hint, details } = error as DatasetError;
  expect({ code: received, message, ...details }).toMatchObject({
    code,
    file: join(folder, file),
    ...(line === undefined ? {} : { line }),
    ...(field === undefined ? {} : { field }),
  });
  for (const part of [
    JSON.stringify(join(folder, file)).slice(1, -1),
    ...(line === undefined ? [] : [`line ${line}`]),
    field ?? '',
    ...says,
  ]) {
    expect(message).toContain(part);
  }
  expect(hint).toMatch(/\.$/);
});

it('all kinds are in the table', async () => {
  expect(await readFile(new URL('./broken-annotations.md', import.meta.url), 'utf8').then(cells)).toEqual(cells(brokenTable()));
  expect(new Set(broken.map(({ name }) => name)).size).toBe(broken.length);
});

/** Prettier sets the table. */
function cells(table: string): string[] {
  return table.split('\n').map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-'));
}
