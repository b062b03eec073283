/**
 * How long it takes to find an engine that was built before: `buildEngine` in a process, its first call and later ones, and the whole of `foveate build`, beside
 * a Node that does nothing. Processes take turns.
 *
 *     node bench/engines/cache-hit.mjs MODEL [--write bench/results/cache-hit.md]
 *
 * Needs TensorRT-RTX (`foveate install tensorrt-rtx`, or FOVEATE_TENSORRT_PATH). No GPU.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { buildEngine } from '../../dist/index.js';
import { projectRoot } from '../../scripts/commands.mjs';
import { median } from '../statistics.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'string' } } });
const [model] = positionals;
if (model === undefined) throw new Error('Name a model: node bench/engines/cache-hit.mjs yolov8n.onnx');
const rounds = 31;
const folder = mkdtempSync(join(tmpdir(), 'foveate-cache-hit-'));
process.env.FOVEATE_CACHE_DIR = join(folder, 'cache');
const options = { device: 'tensorrt-rtx', computeCapability: 89 };

const inProcess = `
  const { buildEngine } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)});
  for (let call = 0; call < 6; call++) {
    const started = performance.now();
    const { fromCache } = await buildEngine(${JSON.stringify(model)}, ${JSON.stringify(options)});
    if (!fromCache) throw new Error('It was built');
    console.log(performance.now() - started);
  }`;
const commandLine = [join(projectRoot, 'dist/bin/main.js'), 'build', model, '--compute-capability', '89', '--json'];

/** Runs Node and gives what it printed and how long that took, in ms. */
function timed(args) {
  const started = performance.now();
  const text = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  return { text, ms: performance.now() - started };
}

const { bundle } = await buildEngine(model, options);
// A file that was written a moment ago is read again: nothing is remembered of it.
await delay(3000);
await buildEngine(model, options);
const times = { node: [], first: [], later: [], cli: [] };
for (let round = 0; round < rounds; round++) {
  times.node.push(timed(['-e', '0']).ms);
  const { text, ms } = timed(commandLine);
  if (JSON.parse(text).fromCache !== true) throw new Error('It was built');
  times.cli.push(ms);
  const [first, ...later] = timed(['--input-type=module', '-e', inProcess]).text.trim().split('\n').map(Number);
  times.first.push(first);
  times.later.push(...later);
}
rmSync(folder, { recursive: true });

const quantile = (list, part) => [...list].sort((a, b) => a - b)[Math.floor(part * (list.length - 1))].toFixed(0);
const row = (name, list) =>
  `| ${name} | ${median(list).toFixed(0)} | ${quantile(list, 0.1)} to ${quantile(list, 0.9)} | ${list.length} |`;
const table = `# Engines found in the cache

\`node bench/engines/cache-hit.mjs\`, ${basename(model)} (${(statSync(model).size / 1e6).toFixed(1)} MB, its engine ${(bundle.manifest.engine.bytes / 1e6).toFixed(1)} MB), Node ${process.versions.node}, ${cpus()[0].model.trim()}, ${availableParallelism()} cores. Processes took turns.

| | median ms | 10 to 90 % | of |
| --- | --- | --- | --- |
${row('`buildEngine`, first call of a process', times.first)}
${row('`buildEngine`, later calls', times.later)}
${row('`foveate build`, from start to end', times.cli)}
${row('`node -e 0`', times.node)}
`;
console.log(table);
if (values.write !== undefined) writeFileSync(values.write, table);
