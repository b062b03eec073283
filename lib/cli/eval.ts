import { Option, type Command } from 'commander';

import { datasetFormats } from '../dataset/dataset.js';
import { defaultDetectOptions } from '../evaluation/predict.js';
import { trackingBenchmarks } from '../metrics/tracking-metrics.js';
import type { EvalOptionValues } from './eval-run.js';
import type { Invocation } from './invocation.js';
import { taskOptions } from './task-options.js';

const examples = `
Examples:
  foveate eval yolov8n.onnx --data coco/annotations/instances_val2017.json --images coco/val2017 -o val/
  foveate eval mobilenetv2.onnx --data imagenet/val --json > results.json
  foveate eval segmenter.onnx --data cityscapes/ --format masks -o val/ --resume
  foveate eval --predictions val/predictions.ndjson --data coco/annotations/instances_val2017.json
  foveate eval --predictions detectron2-results.json --data coco/annotations/instances_val2017.json
  foveate eval int8.onnx --data val/ -o int8/ --baseline fp32/predictions.ndjson
  foveate eval --predictions tracks/ --data MOT17/train --benchmark MOT17

In the folder of --output: results.json, which foveate gate reads, report.html, results.csv, junit.xml,
and predictions.ndjson, from which all numbers are counted again with --predictions.

Detectors are measured as papers do: scores from 0.001 on, suppression at an IoU of 0.7, 300 objects a
picture, unless the options say otherwise. Tracks are MOTChallenge's files: SEQUENCE.txt for each folder that has
gt/gt.txt. A picture that cannot be read is told and counted nowhere;
the exit code is 4.`;

/** Options of a task that change nothing here, or for tasks that are not evaluated. */
const leftOut = ['topK', 'classes', 'modelOutput', 'pooling', 'scaling', 'interpolation'];

/** `foveate eval [MODEL] --data DATASET` */
export function addEval(program: Command, invocation: Invocation): void {
  const command = program
    .command('eval')
    .summary('measure a model on a labelled data set')
    .description('Runs a model on a labelled data set, or takes what it found before, and counts it against the labels.')
    .argument('[model]', 'an ONNX file, or the bundle of an optimised model; not with --predictions')
    .requiredOption('--data <path>', 'the data set: a file or a folder')
    .addOption(new Option('--format <name>', 'its format (default: recognised)').choices(datasetFormats))
    .option('--split <name>', 'which part of it, such as val')
    .option('--images <dir>', 'where its pictures are (default: where the data set says)')
    .option('--predictions <file>', 'count what a file holds, and run no model')
    .addOption(
      new Option('--benchmark <name>', 'of tracks: prepare the rows as that MOTChallenge does').choices(trackingBenchmarks),
    )
    .option('--baseline <file>', 'compare with the predictions of another run, picture by picture')
    .option('-o, --output <dir>', 'write results, reports and predictions there')
    .option('--resume', 'go on with a run to --output that was interrupted')
    .option('--overwrite', 'replace what is in --output')
    .addOption(new Option('--json', 'print one JSON document').conflicts('csv'))
    .addOption(new Option('--csv', 'print CSV').conflicts('json'))
    .option('-q, --quiet', 'no progress and no notes');
  for (const { heading, options } of taskOptions()) {
    const used = options.filter((option) => !leftOut.includes(option.attributeName()));
    if (used.length === 0) continue;
    command.optionsGroup(heading);
    for (const option of used) command.addOption(asMeasured(option));
  }
  command
    .addHelpText('after', examples)
    .action(async (model: string | undefined, options: EvalOptionValues) =>
      (await import('./eval-run.js')).run(model, options, invocation),
    );
}

/** What is measured of detectors is not what they serve with. */
function asMeasured(option: Option): Option {
  const name = option.attributeName() as keyof typeof defaultDetectOptions;
  if (Object.hasOwn(defaultDetectOptions, name))
    option.description = option.description.replace(/\(default: .*\)/, `(default: ${defaultDetectOptions[name]})`);
  return option;
}
