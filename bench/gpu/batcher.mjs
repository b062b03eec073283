/**
 * Batches under load, on the stand-ins with made-up times: how busy the device is, how large batches become, and why they closed.
 *
 *     node bench/gpu/batcher.mjs [--seconds 4] [--write bench/results/batcher-standin.md]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { projectRoot } from '../../scripts/commands.mjs';
import { onStandins } from './on-standins.mjs';

const { values: options } = parseArgs({ options: { seconds: { type: 'string', default: '4' }, write: { type: 'string' } } });
const maxBatch = 32;
const kernelUs = 5000;
const folder = mkdtempSync(join(tmpdir(), 'foveate-batcher-'));
const node = (script, asked, us) =>
  onStandins(folder, process.execPath, [join(import.meta.dirname, script), JSON.stringify(asked)], us);
const engine = join(folder, 'batches.engine');
const build = join(projectRoot, 'examples/models/shapes-classifier.onnx');
await node('lane-work.mjs', { build, batch: { min: 1, opt: 8, max: maxBatch }, output: engine }, 0);

const rows = [];
for (const lanes of [1, 4]) {
  for (const callers of [1, 4, 16, 64, 256]) {
    const told = await node('batcher-work.mjs', { engine, lanes, callers, seconds: Number(options.seconds), maxBatch }, kernelUs);
    rows.push({ lanes, callers, ...told });
    console.error(JSON.stringify(rows.at(-1)));
  }
}
rmSync(folder, { recursive: true });

const list = (counts) =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
const line = ({ lanes, callers, busyShare, perSecond, samples, batches, p50, p99, reasons }) =>
  `| ${lanes} | ${callers} | ${(100 * busyShare).toFixed(1)} % | ${perSecond.toFixed(0)} | ${(samples / batches).toFixed(1)} | ${p50.toFixed(1)} / ${p99.toFixed(1)} | ${list(reasons)} |`;
const text = `# Batches on stand-ins

\`node bench/gpu/batcher.mjs\`. **On stand-ins for the driver and TensorRT, not on a GPU**: a run takes ${kernelUs / 1000} ms of the device whatever its batch, so that larger batches pay. ${cpus()[0].model.trim()}, ${availableParallelism()} cores, Node ${process.versions.node}; load at the end ${loadavg()[0].toFixed(1)}.
Callers send their next request when they have the last answer; \`maxBatch\` ${maxBatch}, all else as it is by default; ${options.seconds} seconds, after two in which sizes are found out. "Busy" is by the device's own count.

| lanes | callers | busy | requests a second | samples a batch | p50 / p99, ms | why batches closed |
| --- | --- | --- | --- | --- | --- | --- |
${rows.map(line).join('\n')}

The sizes of batches with 4 lanes and 64 callers: ${list(rows.find(({ lanes, callers }) => lanes === 4 && callers === 64).sizes)}.
`;
console.log(text);
if (options.write) writeFileSync(options.write, text);
