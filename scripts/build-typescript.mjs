/** `npm run build:ts`: lib/ to dist/, from nothing, so that no file outlives its source. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';

import { projectRoot, runVisibly } from './commands.mjs';

export async function buildTypeScript() {
  rmSync(join(projectRoot, 'dist'), { recursive: true, force: true });
  await runVisibly(join(projectRoot, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json']);
}

if (process.argv[1] === import.meta.filename) await buildTypeScript();
