import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Folders that `tests/reference/onnx_reader.py` describes in `expected.json`. Those of `shared` are not part of the repository. */
export const folders = {
  fixtures: path.join(root, 'tests/graph/fixtures'),
  shared: path.join(root, '../shared/models'),
} as const;

export type Group = keyof typeof folders;

export function modelPath(group: Group, name: string): string {
  return path.join(folders[group], name);
}

export function fixture(name: string): Uint8Array {
  return readFileSync(modelPath('fixtures', name));
}

/** Names of the models of each group, whether they are there or not. */
export function describedModels(): readonly (readonly [Group, string])[] {
  const groups = JSON.parse(readFileSync(modelPath('fixtures', 'expected.json'), 'utf8')) as Record<
    Group,
    Record<string, unknown>
  >;
  return Object.entries(groups).flatMap(([group, models]) => Object.keys(models).map((name) => [group as Group, name] as const));
}
