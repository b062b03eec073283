/**
 * Writes every file that is made from another one.
 *
 *   node scripts/generate.mjs           write them
 *   node scripts/generate.mjs --check   exit 1 and name those that are not what their source gives
 *
 * Error codes and the command line are read from dist/, so build it first: npm run build:ts.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
/** Generators with files of their own, run as programs. */
const programs = ['generate-onnxruntime-table.mjs', 'generate-tensorrt-tables.mjs', 'generate-protobuf.mjs'];

const args = process.argv.slice(2);
const unknown = args.find((argument) => argument !== '--check');
if (unknown !== undefined) {
  console.error(`Unknown argument ${unknown}; the only one is --check.`);
  process.exit(2);
}
const check = args.includes('--check');

/** Throws where dist/ is not what lib/ gives: pages made from an old build would be wrong without anybody noticing. */
function requireFreshBuild() {
  for (const folder of ['errors', 'cli']) {
    for (const file of readdirSync(join(root, 'lib', folder)).filter((name) => name.endsWith('.ts'))) {
      const source = statSync(join(root, 'lib', folder, file));
      const built = statSync(join(root, 'dist', folder, file.replace(/\.ts$/, '.js')), { throwIfNoEntry: false });
      if (built === undefined || built.mtimeMs < source.mtimeMs) {
        throw new Error(`dist/${folder} is older than lib/${folder}/${file}. Run: npm run build:ts`);
      }
    }
  }
}

/** Whether the file is as it should be, or now is. */
function settle({ path, text }) {
  const file = join(root, path);
  let present;
  try {
    present = readFileSync(file, 'utf8');
  } catch {
    present = undefined;
  }
  if (present === text) return true;
  if (check) {
    console.error(`${path} is stale. Run: npm run generate`);
    return false;
  }
  writeFileSync(file, text);
  console.log(`wrote ${path}`);
  return true;
}

let fresh = true;
try {
  requireFreshBuild();
  const { generateErrorCodes } = await import('./generate/error-codes.mjs');
  const { generateVersion } = await import('./generate/version.mjs');
  const { generateCliDocs } = await import('./generate/cli-docs.mjs');
  for (const file of [...generateVersion(), ...(await generateErrorCodes()), ...(await generateCliDocs())])
    fresh = settle(file) && fresh;
  for (const program of programs) {
    const { status } = spawnSync(process.execPath, [join(root, 'scripts', program), ...args], { stdio: 'inherit' });
    fresh = status === 0 && fresh;
  }
} catch (error) {
  console.error(error.message);
  fresh = false;
}
process.exitCode = fresh ? 0 : 1;
