/**
 * From package.json: the version as a constant, which a bundler carries along where it would not find the file.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns {{ path: string, text: string }[]} */
export function generateVersion() {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));
  const text = `// Generated from package.json by scripts/generate.mjs. Do not edit.

/** foveate's own version. */
export const packageVersion = '${version}';
`;
  return [{ path: 'lib/binding/version.ts', text }];
}
