/**
 * How busy lanes keep the device, on the stand-ins with made-up times, and what is copied on the way:
 *
 *     node bench/gpu/lanes.mjs [--seconds 4] [--rounds 3] [--write bench/results/gpu-standin.md]
 *
 * From JavaScript (lane-work.mjs) and from C++ without it (executor_loop.cc), each in a process of its own; then a session beside the bare library (overhead.mjs), and model to
 * model on the device (device_chain.cc).
 * A real GPU does not tell how busy it is in this way: there, run.mjs shows what lanes gain.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { projectRoot } from '../../scripts/commands.mjs';
import { median } from '../statistics.mjs';
import { copyNsPerKib, onStandins as runOnStandins, standinLibrary } from './on-standins.mjs';
import { benchPrograms } from './programs.mjs';

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'string' },
  },
});
const laneCounts = [1, 2, 3, 4];
const kernelTimesUs = [1000, 5000];
const batch = 1;

const folder = mkdtempSync(join(tmpdir(), 'foveate-lanes-'));
const programs = await benchPrograms();
const library = standinLibrary();

const onStandins = (program, args, kernelUs) => runOnStandins(folder, program, args, kernelUs);

const laneWork = join(import.meta.dirname, 'lane-work.mjs');
const build = (model, more) => onStandins(process.execPath, [laneWork, JSON.stringify({ build: model, ...more })], 0);
const { engine } = await build(join(projectRoot, 'examples/models/shapes-classifier.onnx'), {
  batch,
  output: join(folder, 'lanes.engine'),
});
const chained = await build(join(projectRoot, 'tests/native/fixtures/fixed.onnx'), { output: join(folder, 'chain.engine') });

const sides = {
  'from JavaScript': (lanes, kernelUs) =>
    onStandins(
      process.execPath,
      [laneWork, JSON.stringify({ run: join(folder, 'lanes.engine'), lanes, batch, seconds: Number(options.seconds) })],
      kernelUs,
    ),
  'from C++': (lanes, kernelUs) =>
    onStandins(
      join(programs, 'executor_loop'),
      [library, engine, String(batch), String(lanes), 'plain', options.seconds],
      kernelUs,
    ),
};

const rows = [];
for (const kernelUs of kernelTimesUs) {
  const measured = [];
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [side, measure] of Object.entries(sides)) {
      for (const lanes of laneCounts) measured.push({ side, lanes, ...(await measure(lanes, kernelUs)) });
    }
  }
  for (const side of Object.keys(sides)) {
    for (const lanes of laneCounts) {
      const same = measured.filter((one) => one.side === side && one.lanes === lanes);
      const shares = same.map(({ busyShare }) => busyShare);
      const last = same.at(-1);
      const beyond = last.copiedBytes - last.toDevice.bytes - last.toHost.bytes;
      rows.push({
        kernelUs,
        side,
        lanes,
        busy: median(shares),
        least: Math.min(...shares),
        most: Math.max(...shares),
        rate: median(same.map(({ runs, seconds }) => runs / seconds)),
        perRun: [last.toDevice, last.toHost, last.onDevice].map(({ bytes }) => bytes / last.allRuns),
        tensors: [last.inputBytes, last.outputBytes],
        hostBytes: beyond / last.allRuns,
      });
      console.error(JSON.stringify(rows.at(-1)));
    }
  }
}
const overheads = [];
for (const kernelUs of kernelTimesUs) {
  const asked = { overhead: join(folder, 'lanes.engine'), batch };
  overheads.push({ kernelUs, ...(await onStandins(process.execPath, [laneWork, JSON.stringify(asked)], kernelUs)) });
}
const steps = 100;
const chain = await onStandins(join(programs, 'device_chain'), [library, chained.engine, String(steps)], 0);
rmSync(folder, { recursive: true });
// The model adds its inputs, which are one and the same: each run doubles.
if (chain.value !== 2 ** (steps + 2)) throw new Error(`Expected 2 to the power of ${steps + 2}, received ${chain.value}`);

function overheadLine(kernelUs, kind, { ours, sleeping, asking, ratio, ratioToAsking }) {
  const numbers = [ours, sleeping, ratio, asking, ratioToAsking].map((number) => number.toFixed(3));
  return `| ${kernelUs / 1000} ms | ${kind === 'graph' ? 'on' : 'off'} | ${numbers.join(' | ')} |`;
}
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const load = loadavg()[0].toFixed(1);
const text = `# Lanes on stand-ins

\`node bench/gpu/lanes.mjs\`. **On stand-ins for the driver and TensorRT, not on a GPU**: the times of copies and kernels are made up, and one thing happens at a time on the device, copies too. ${cpus()[0].model.trim()},
${availableParallelism()} cores, Node ${process.versions.node}; at the end the machine's load was ${load}, of which this benchmark makes about one.

## How busy the device is

One picture a run, examples/models/shapes-classifier.onnx; a kernel takes what the table says, a copy ${copyNsPerKib} ns a KiB. Twice as many runs are under way as there are lanes. The median of
${options.rounds} processes of ${options.seconds} seconds each, and the least and the most of them. "Busy" is the time in which the device copied or computed, by its own count, of the time that passed.

| kernel | lanes | | busy | least to most | runs a second |
| --- | --- | --- | --- | --- | --- |
${rows.map(({ kernelUs, lanes, side, busy, least, most, rate }) => `| ${kernelUs / 1000} ms | ${lanes} | ${side} | ${percent(busy)} | ${percent(least)} to ${percent(most)} | ${rate.toFixed(1)} |`).join('\n')}

With several lanes there is always work in the queues of the device: what is not busy then is mostly the stand-in itself, whose streams are threads that hand the device on, three times a run. That takes tens of microseconds,
and more where the machine has other things to do: the shorter the kernel, the more it weighs. From JavaScript, the thread that hands runs out has to get a processor as well.

## What is copied

Copies of a run, in bytes, by the counters of the driver; "host to host" is what \`copiedBytes\` tells beyond them. Inputs lie in pinned memory, from JavaScript by \`session.allocateInput\`.

| | input | output | host to device | device to host | on the device | host to host |
| --- | --- | --- | --- | --- | --- | --- |
${Object.keys(sides)
  .map((side) => {
    const { tensors, perRun, hostBytes } = rows.findLast((row) => row.side === side && row.lanes === 4);
    return `| ${side} | ${[...tensors, ...perRun, hostBytes].join(' | ')} |`;
  })
  .join('\n')}

## A session and the bare library

One lane, one caller. The loop (\`enqueue_loop.cc\`) does what a run does, by hand, with its tensors in pinned memory. Milliseconds of a run, medians; the ratio is the median of those within a
round.

| kernel | graphs | session | loop that sleeps | ratio | loop that asks | ratio |
| --- | --- | --- | --- | --- | --- | --- |
${overheads.flatMap((row) => ['plain', 'graph'].map((kind) => overheadLine(row.kernelUs, kind, row[kind]))).join('\n')}

## From model to model

Model to model on the device, ${steps} runs, each on what the one before left there, in turn on two lanes (\`device_chain.cc\`):

| copies | host to device | device to host | on the device |
| --- | --- | --- | --- |
${Object.entries({
  'of the first inputs': chain.uploaded,
  [`after ${steps} more runs`]: chain.chained,
  'after the last output was fetched': chain.fetched,
})
  .map(
    ([when, { toDevice, toHost, onDevice }]) =>
      `| ${when} | ${[toDevice, toHost, onDevice].map(({ copies }) => copies).join(' | ')} |`,
  )
  .join('\n')}
`;
console.log(text);
if (options.write) writeFileSync(options.write, text);
