// Generates lib/graph/onnx_pb.ts from lib/graph/onnx.proto. Both tools come from npm and run offline.
//
//   node scripts/generate-protobuf.mjs           writes the file
//   node scripts/generate-protobuf.mjs --check   fails where the committed file is not what the schema gives

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const require = createRequire(import.meta.url);
const committed = path.join(root, 'lib/graph/onnx_pb.ts');

/** The script behind a command of an npm package: run by node itself, so that it works without a shell and on any PATH. */
function commandOf(packageName, command) {
  const manifest = require.resolve(`${packageName}/package.json`);
  return path.join(path.dirname(manifest), require(manifest).bin[command]);
}

function generate(folder) {
  const template = {
    version: 'v2',
    plugins: [
      {
        local: [process.execPath, commandOf('@bufbuild/protoc-gen-es', 'protoc-gen-es')],
        out: folder,
        opt: ['target=ts', 'import_extension=js'],
      },
    ],
  };
  const buf = commandOf('@bufbuild/buf', 'buf');
  execFileSync(process.execPath, [buf, 'generate', 'lib/graph', '--template', JSON.stringify(template)], {
    cwd: root,
    stdio: 'inherit',
  });
  return readFileSync(path.join(folder, 'onnx_pb.ts'), 'utf8');
}

const unknown = process.argv.slice(2).filter((argument) => argument !== '--check');
if (unknown.length > 0) {
  console.error(`Unknown argument ${unknown[0]}; the only one is --check.`);
  process.exit(2);
}
const folder = mkdtempSync(path.join(tmpdir(), 'foveate-protobuf-'));
try {
  const generated = generate(folder);
  if (!process.argv.includes('--check')) {
    writeFileSync(committed, generated);
  } else if (generated !== readFileSync(committed, 'utf8')) {
    console.error('lib/graph/onnx_pb.ts is not what lib/graph/onnx.proto gives. Run: node scripts/generate-protobuf.mjs');
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
