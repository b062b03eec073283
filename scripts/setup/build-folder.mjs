/** CMake build folders of the checkout, configured only where something has changed. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Configures a build folder unless it was last configured with the same arguments. A folder keeps its first compiler
 * whatever it is told later, so with other arguments it begins anew.
 *
 * @param {string} folder
 * @param {string[]} args Everything that decides the configuration.
 * @param {() => Promise<void>} configure
 */
export async function ensureConfigured(folder, args, configure) {
  const stamp = join(folder, 'foveate-configured.json');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === JSON.stringify(args)) return;
  for (const old of [stamp, join(folder, 'CMakeCache.txt'), join(folder, 'CMakeFiles')]) {
    rmSync(old, { recursive: true, force: true });
  }
  mkdirSync(folder, { recursive: true });
  await configure();
  writeFileSync(stamp, JSON.stringify(args));
}
