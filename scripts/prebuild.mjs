/**
 * `npm run build:prebuild [-- --target linux-x64|linux-arm64]`: the addon that the npm package ships, as
 * `prebuilds/<target>/foveate.glibc.node`, with the licences of what is linked into it.
 */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkBinaries } from './check-binary.mjs';
import { buildAddon } from './setup/addon.mjs';
import { parseCommandLine } from './setup/arguments.mjs';
import { projectRoot } from './setup/cache.mjs';
import { runMain } from './setup/process.mjs';
import { hostTarget, requireTarget } from './setup/toolchains.mjs';
import { formatNotices } from './third-party-notices.mjs';

await runMain(async () => {
  const { values } = parseCommandLine('prebuild.mjs [--target linux-x64|linux-arm64]', {
    target: { type: 'string', default: hostTarget },
  });
  const target = requireTarget(values.target);
  const { file, libraries, tools } = await buildAddon(target);
  const folder = join(projectRoot, 'prebuilds', target);
  mkdirSync(folder, { recursive: true });
  const shipped = join(folder, 'foveate.glibc.node');
  // By a rename: a process that runs the old file keeps it, where writing into it would crash that process.
  copyFileSync(file, `${shipped}.new`);
  renameSync(`${shipped}.new`, shipped);
  writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), collectNotices(libraries, dirname(tools.zig)));
  checkBinaries([shipped]);
});

/** The licences of the static libraries, and of the C++ run-time that zig links in. */
function collectNotices(libraries, zigFolder) {
  const licenses = join(libraries, 'licenses');
  const files = [
    ...readdirSync(licenses)
      .sort()
      .map((name) => ({ title: name, path: join(licenses, name) })),
    ...['libcxx', 'libcxxabi', 'libunwind'].map((name) => ({
      title: `${name} (LLVM)`,
      path: join(zigFolder, 'lib', name, 'LICENSE.TXT'),
    })),
    { title: 'compiler-rt (Zig)', path: join(zigFolder, 'LICENSE') },
  ];
  return formatNotices(files.map(({ title, path }) => ({ title, text: readFileSync(path, 'utf8') })));
}
