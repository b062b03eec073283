import { InvalidArgumentError, Option, type Command } from 'commander';

import type { CompareOptionValues } from './compare-run.js';
import type { Invocation } from './invocation.js';
import { taskOptions } from './task-options.js';

const examples = `
Examples:
  foveate compare yolov8n.onnx yolov8n.int8.onnx --data pictures/
  foveate compare model.onnx exported-anew.onnx --data pictures/ --same
  foveate compare fp32.onnx int8.onnx --data pictures/ --min-snr 20 --max-delta 0.05 --html layers.html
  foveate compare encoder.onnx encoder.fp16.onnx --random --pictures 4 --json

A is the reference, B is usually made from it. Values of both are compared layer by layer, each layer as it stands in the graph; outputs and
results (classes, boxes, masks, vectors) are those of both models as they are shipped. The first layer that diverges is the first below --min-snr.

The exit code is 0 where all outputs and results are within the limits, and 1 where something is beyond: the last line says what, and by how much.`;

/** What opens a model for its task; how results are shown, and what is measured of detectors, is decided here. */
const forOpening: readonly string[] = [
  ...['task', 'device', 'threads', 'labels', 'preprocess', 'pixelLimit'],
  ...['activation', 'head', 'keypoints', 'rotated', 'ssd', 'layout', 'modelOutput', 'pooling'],
];

/** `foveate compare A B` */
export function addCompare(program: Command, invocation: Invocation): void {
  const command = program
    .command('compare')
    .summary('tell where two models differ, layer by layer, and what comes of it')
    .description('Runs two models on the same pictures and compares them: the values within, the outputs, and what they find.')
    .argument('<a>', 'the reference: an ONNX file, or a bundle of foveate optimize')
    .argument('<b>', 'the model that is compared with it')
    .option('--data <dir>', 'a folder of pictures')
    .option('--random', 'random inputs, for models that take no pictures')
    .option('--pictures <n>', 'how many of the pictures, spread over all, or random inputs (default: 8)', parseNumber)
    .option('--seed <n>', 'of the random inputs (default: 0)', parseNumber)
    .option(
      '--min-snr <dB>',
      'lowest signal to noise ratio of an output (default: 10, unless --tolerance or --same)',
      parseNumber,
    )
    .option('--tolerance <x>', "largest difference in an output, as a part of A's largest magnitude (default: any)", parseNumber)
    .option('--max-delta <x>', 'how far the agreement of results may be from perfect (default: 0.1)', parseNumber)
    .option('--same', 'the models should be the same: --tolerance 1e-5 --max-delta 0')
    .addOption(
      new Option('--layer-optimization <level>', 'run layers as they stand in the graph, or fused as shipped').choices([
        'disabled',
        'all',
      ]),
    )
    .option('--memory-limit <MB>', 'values that are held at once (default: 256)', parseNumber)
    .option('--html <file>', 'write a report with a plot of the layers there')
    .option('--csv <file>', 'write all numbers there')
    .option('--json', 'print one JSON document')
    .option('-q, --quiet', 'no progress');
  for (const { heading, options } of taskOptions()) {
    const used = options.filter((option) => forOpening.includes(option.attributeName()));
    if (used.length === 0) continue;
    command.optionsGroup(heading);
    for (const option of used) command.addOption(option);
  }
  command
    .addHelpText('after', examples)
    .action(async (a: string, b: string, options: CompareOptionValues) =>
      (await import('./compare-run.js')).run(a, b, options, invocation),
    );
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}
