/** The npm dependencies of the checkout. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, requirePermission, say, withLock } from './cache.mjs';
import { run } from './process.mjs';

/** Installs what package-lock.json says, where that has not been done since the file last changed. */
export async function ensureNodeModules() {
  if (isInstalled()) return;
  await withLock(`node_modules of ${projectRoot}`, async () => {
    if (isInstalled()) return;
    requirePermission('the npm packages of package-lock.json, which the library and its tools import', 'npm ci');
    say('installing the npm packages of package-lock.json, which the library and its tools import');
    // No package that we use needs its install script, so none gets to run one.
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: projectRoot });
  });
}

/** npm writes node_modules/.package-lock.json last, so an installation that was interrupted has none. */
function isInstalled() {
  const installed = join(projectRoot, 'node_modules/.package-lock.json');
  return existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(projectRoot, 'package-lock.json')).mtimeMs;
}
