/** `npm run build:ts`: lib/ to dist/, from nothing, so that no file outlives its source. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot, runVisibly } from './commands.mjs';
import { formatNotices, packageNotices } from './third-party-notices.mjs';

/** The programs in lib/cli, each a process of its own. */
const programs = ['main', 'doctor-probe', 'doctor-tensorrt-probe'];

export async function buildTypeScript() {
  const dist = join(projectRoot, 'dist');
  rmSync(dist, { recursive: true, force: true });
  await runVisibly(join(projectRoot, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json']);
  await bundlePrograms(join(dist, 'cli'), join(dist, 'bin'));
}

/**
 * The command line in a few files instead of three hundred, which Node takes a tenth of a second to find and compile at every start: this is what the
 * package holds of lib/cli, and its dependencies too, but for sharp with its binaries. The folder lies as deep as the other: the addon is looked for from
 * there.
 */
async function bundlePrograms(folder, bundled) {
  // Imported here: whoever imports this module may do so before the packages are installed.
  const { rolldown } = await import('rolldown');
  const bundle = await rolldown({
    input: programs.map((name) => join(folder, `${name}.js`)),
    platform: 'node',
    external: /^(?:node:|sharp$)/,
  });
  const { output } = await bundle.write({ dir: bundled, format: 'esm' });
  await bundle.close();
  const notices = packageNotices(output.flatMap((file) => Object.keys(file.modules ?? {})));
  writeFileSync(join(bundled, 'THIRD-PARTY-NOTICES.txt'), formatNotices(notices));
}

if (process.argv[1] === import.meta.filename) await buildTypeScript();
