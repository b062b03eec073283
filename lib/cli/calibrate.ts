import { Option, type Command } from 'commander';

import { calibratedTensors } from '../optimize/calibrated-tensors.js';
import type { CalibrateOptionValues } from './calibrate-run.js';
import type { Invocation } from './invocation.js';
import { parseNumber, taskOptions } from './task-options.js';

const examples = `
Examples:
  foveate calibrate yolov8n.onnx --data pictures/ -o yolov8n.calibration.json
  foveate calibrate mobilenetv2.onnx --data 'photos/**/*.jpg' --pictures 64 --seed 1 -o table.json
  foveate calibrate yolov8n.onnx --data more/ --merge table.json -o both.json
  foveate calibrate yolov8n.onnx --merge day.json night.json -o both.json
  foveate calibrate yolov8n.onnx --data pictures/ --tensorrt-cache calib.cache --tensorrt-version 10.14.1
  foveate inspect yolov8n.calibration.json

The pictures are chosen by what is in them: names and order change nothing. Calibration stops where the ranges would be wrong, with all
reasons at once: too few pictures, copies of one another, values or channels in another range or order than the model was trained on,
tensors that never change. The exit code is 4; --force goes on, and keeps the reasons in the table.`;

/** Options of a task that change nothing of what its tensors hold. */
const leftOut = [
  'build',
  'trust',
  'topK',
  'maxDetections',
  'classAgnostic',
  'classes',
  'slices',
  'sliceSize',
  'scaling',
  'interpolation',
];

/** `foveate calibrate MODEL --data DIR -o TABLE` */
export function addCalibrate(program: Command, invocation: Invocation): void {
  const command = program
    .command('calibrate')
    .summary('find what values the tensors of a model hold')
    .description(
      'Runs pictures through a model and keeps what its tensors hold, in a table from which the ranges of integers are found.',
    )
    .argument('<model>', 'an ONNX file')
    .option('--data <path>', 'pictures: a folder with all within, a quoted pattern, or a labelled data set')
    .option('-o, --output <file>', 'where the table is written, every few seconds while it grows')
    .option('--pictures <n>', 'how many (default: 32)', parseNumber)
    .option('--seed <n>', 'choose other pictures where there are more (default: 0)', parseNumber)
    .addOption(
      new Option(
        '--tensors <which>',
        'those of layers, for INT8, FP8 and INT4 (default), or all, for FP16, also beside INT8, BF16 and auto',
      ).choices(calibratedTensors),
    )
    .option('--force', 'go on where the ranges are doubtful')
    .option('--resume', 'go on with the table in --output')
    .option('--merge <table...>', 'put these tables in; without --data, only these')
    .option('--tensorrt-cache <file>', "write the ranges as TensorRT's calibration cache too")
    .option('--tensorrt-version <x.y.z>', 'the TensorRT that is to read it, 8 or 10: another one refuses it')
    .option('--json', 'print JSON')
    .option('-q, --quiet', 'no progress');
  for (const { heading, options } of taskOptions()) {
    const used = options.filter((option) => !leftOut.includes(option.attributeName()));
    if (used.length === 0) continue;
    command.optionsGroup(heading);
    for (const option of used) command.addOption(option);
  }
  command
    .addHelpText('after', examples)
    .action(async (model: string, options: CalibrateOptionValues) =>
      (await import('./calibrate-run.js')).run(model, options, invocation),
    );
}
