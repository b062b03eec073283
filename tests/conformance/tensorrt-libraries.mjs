#!/usr/bin/env node
/**
 * Opens the TensorRT libraries of the given folders with the built addon, in a process each, and prints what they say they are, and what keeps them
 * from building and running on this machine.
 *
 *   node tests/conformance/tensorrt-libraries.mjs FOLDER...
 *
 * Run by hand: `npm run build` first. Exit codes: 0 all were opened, 1 one was not, 2 usage.
 */
import { spawnSync } from 'node:child_process';

/** In the child: opens one library and prints the answer as JSON. */
const opening = `
  const { native } = await import(process.env.BINDING);
  const { path, parserPath } = JSON.parse(process.env.CANDIDATE);
  const { family, version, profile, buildObstacle, runObstacle } = await native().tensorrtOpen(path, parserPath);
  console.log(JSON.stringify({ family, version, profile, builds: buildObstacle ?? 'yes', runs: runObstacle ?? 'yes' }));
`;

function open(candidate) {
  const env = {
    ...process.env,
    BINDING: new URL('../../dist/binding/index.js', import.meta.url).href,
    CANDIDATE: JSON.stringify(candidate),
  };
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', opening], { encoding: 'utf8', env });
  if (child.status === 0) return JSON.parse(child.stdout);
  const reason = /Error.*$/m.exec(child.stderr)?.[0] ?? child.stderr.trim();
  return { refused: child.signal === null ? reason : `the process was ended by ${child.signal}` };
}

const folders = process.argv.slice(2);
if (folders.length === 0) {
  console.error('Usage: tensorrt-libraries.mjs FOLDER...');
  process.exit(2);
}
const { tensorRtCandidates } = await import('../../dist/engine/tensorrt-libraries.js');
for (const folder of folders) {
  const candidates = tensorRtCandidates(folder);
  if (candidates.length === 0) {
    console.error(`${folder}: no library of TensorRT`);
    process.exitCode = 1;
  }
  for (const candidate of candidates) {
    const told = open(candidate);
    if (told.refused !== undefined) process.exitCode = 1;
    console.log(candidate.path);
    for (const [name, value] of Object.entries({ parser: candidate.parserPath ?? 'none', ...told }))
      console.log(`  ${name.padEnd(8)} ${value}`);
  }
}
