import { Option, type Command } from 'commander';

import type { BenchOptionValues } from './bench-run.js';
import { parseInteger } from './build-options.js';
import type { Invocation } from './invocation.js';
import { parseDuration, parseIntegers, parseShape } from './measuring-options.js';
import { taskOptions } from './task-options.js';

const examples = `
Examples:
  foveate bench yolov8n.onnx
  foveate bench yolov8n.onnx --batch 1,4 --lanes 1,2,4 --threads 1,2 --duration 10s
  foveate bench yolov8n.onnx --data pictures/ --markdown bench.md --plot bench.svg
  foveate bench yolov8n.onnx --save before.json
  foveate bench yolov8n.onnx --compare before.json --fail-on-slower

Each cell, a batch with a number of lanes and threads, is measured in several windows, each in a session of its own that is warmed up until
three windows agree; the cells take turns. So many calls are in flight as there are lanes, with pictures one more. Throughput is the median of the
windows, variation their standard deviation over their mean; percentiles are those of all calls.

--compare tests each cell's windows (Mann-Whitney, exact), corrected for the number of cells (Holm). The exit code is 1 with --fail-on-slower where a
cell has become slower. Ctrl-C shows what was measured until then.`;

/** What decides over what a model does; how it is shown is of no matter here. */
const forOpening: readonly string[] = [
  ...['task', 'device', 'build', 'trust', 'labels', 'preprocess', 'pixelLimit', 'activation', 'layout', 'modelOutput', 'pooling'],
  ...['head', 'keypoints', 'rotated', 'ssd', 'scoreThreshold', 'iouThreshold', 'maxDetections'],
];

/** Those of a task's options that {@link forOpening} names, under their headings. */
export function addTaskOptions(command: Command): void {
  for (const { heading, options } of taskOptions()) {
    const used = options.filter((option) => forOpening.includes(option.attributeName()));
    if (used.length === 0) continue;
    command.optionsGroup(heading);
    for (const option of used) command.addOption(option);
  }
}

/** `foveate bench MODEL` */
export function addBench(program: Command, invocation: Invocation): void {
  const command = program
    .command('bench')
    .summary('measure how fast a model is, and what holds it up')
    .description('Measures throughput and latency of a model over batches, lanes and threads, and names the bottleneck.')
    .argument('<model>', 'an ONNX file, or a bundle of foveate optimize or foveate build')
    .option('--batch <list>', 'samples or pictures of a call (default: 1,2,4,8, or what the model is fixed to)', parseIntegers)
    .option('--lanes <list>', 'runs at the same time (default: 1,2)', parseIntegers)
    .option('--threads <list>', 'threads inside one run (default: the cores divided by the lanes)', parseIntegers)
    .option('--in-flight <n>', 'calls at a time (default: as many as lanes, with pictures one more)', parseInteger)
    .addOption(
      new Option('--input <kind>', 'random tensors, or pictures from their bytes to results (default: by --data)').choices([
        'tensors',
        'pictures',
      ]),
    )
    .option('--data <path>', 'pictures: a folder, a file or a pattern; the first 64 are taken in turn')
    .option(
      '--shape <input=sizes>',
      'sizes of one sample where the model leaves them free, as in images=3x640x640 (default: 224 in inputs of four axes, else 16)',
      parseShape,
    )
    .option('--seed <n>', 'of the random tensors (default: 0)', parseInteger)
    .option('--duration <time>', 'of each cell in all, as 5s or 500ms (default: 5s)', parseDuration)
    .option('--rounds <n>', 'windows of each cell (default: 8)', parseInteger)
    .option('--compare <file>', 'what an earlier run wrote with --save')
    .option('--fail-on-slower', 'with --compare: exit code 1 where a cell has become slower')
    .option('--save <file>', 'write all numbers there, for --compare')
    .option('--csv <file>', 'write a row for each cell there')
    .option('--markdown <file>', 'write a report there')
    .option('--plot <file>', 'write a plot there, as SVG')
    .option('--json', 'print one JSON document')
    .option('-q, --quiet', 'no progress');
  addTaskOptions(command);
  command
    .addHelpText('after', examples)
    .action(async (model: string, options: BenchOptionValues) =>
      (await import('./bench-run.js')).run(model, options, invocation),
    );
}
