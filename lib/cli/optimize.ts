import { Option, type Command } from 'commander';

import { datasetFormats } from '../dataset/dataset.js';
import type { Calibration, OptimizeSteps } from '../optimize/optimize-steps.js';
import { optimizeDevices } from '../optimize/optimize-devices.js';
import { precisions } from '../optimize/quantized-layer.js';
import { budgetOptions } from './budget-options.js';
import { parseInteger } from './build-options.js';
import type { Invocation } from './invocation.js';
import type { OptimizeOptionValues } from './optimize-run.js';
import { taskOptions } from './task-options.js';

const examples = `
Examples:
  foveate optimize yolov8n.onnx --data pictures/ --precision int8 -o yolov8n.bundle
  foveate optimize yolov8n.onnx --data pictures/ --precision int8+fp16 -o yolov8n.bundle
  foveate optimize yolov8n.onnx --data pictures/ --precision fp16 -o yolov8n.bundle
  foveate optimize yolov8n.onnx --data pictures/ --precision fp8 --max-drop 2% -o yolov8n.bundle
  foveate optimize mobilenetv2.onnx --data pictures/ --precision int8 --max-drop 1% --target-latency 20ms -o bundle/
  foveate optimize mobilenetv2.onnx --data pictures/ --precision auto --device tensorrt-rtx -o bundle/
  foveate optimize yolov8n.onnx --data coco/val2017 --precision int8 \\
      --labels coco/annotations/instances_val2017.json -o yolov8n.bundle
  foveate optimize mobilenetv2.onnx --data pictures/ --precision int8 --calibration table.json -o bundle/
  foveate optimize yolov8n.onnx --data pictures/ --precision int8 --export-onnx int8/ -o bundle/ --json
  foveate optimize yolov8n.onnx --data pictures/ --prune magnitude:0.5 -o pruned.bundle

Some of the pictures are calibrated with (--pictures, told by their content and --seed), the others are held back: on
these it is measured how much of what the model finds the forms still find, and with --labels how accurate they
are. Latency is measured side by side. Where a form is slower here, that for ONNX Runtime stays FP32, and that is said:
FP16 mostly is, since CPUs compute it in FP32, and INT4, whose weights are dequantised in every run. CPUs have no BF16 and no
FP8: these are for TensorRT.

With int8+fp16, what stays float in the form for TensorRT is FP16; with int8, FP32. That for ONNX Runtime is the same.

--precision auto takes the first that keeps to the budget: INT8, with more and more in float, then FP16, then FP32. Without
a budget, that is --max-drop 1%.

With --data-free, pictures of shapes that hide one another stand in for photographs. What is lost on real ones is then known by
--labels alone.

With a budget, forms with more and less in float are measured on half of the pictures held back, and the one that keeps to it with
the least in float is taken; the other half judges it. Where none does, the exit code is 1, and the nearest is told. A search that was
ended goes on where it was.
In the bundle: a form for ONNX Runtime, one for TensorRT, and report.html, report.md, report.json, forms.csv, layers.csv.`;

/** Options of a task that change nothing here, or that are flags of another meaning. */
const leftOut = ['device', 'build', 'trust', 'threads', 'labels', 'topK', 'classes', 'scoreThreshold', 'slices', 'sliceSize'];

/** `foveate optimize MODEL --data DIR --precision int8 -o BUNDLE`; `steps` is called when the verb is. */
export function addOptimize<C extends Calibration>(
  program: Command,
  invocation: Invocation,
  steps: () => Promise<OptimizeSteps<C>>,
): void {
  const command = program
    .command('optimize')
    .summary('make a smaller, faster model, and measure what it costs')
    .description(
      'Makes forms of a model for ONNX Runtime and TensorRT, in INT8, INT8 and FP16, FP16, BF16, FP8 or INT4, or pruned, and measures what that gains and costs.',
    )
    .argument('<model>', 'an ONNX file')
    .option('--data <path>', 'pictures as the model will meet them: a folder')
    .addOption(
      new Option('--data-free', 'where there are none: calibrate with generated ones, and measure no agreement').conflicts(
        'data',
      ),
    )
    .addOption(new Option('--precision <name>', 'of the layers; beside --prune, fp32 where it is left out').choices(precisions))
    .addOption(
      new Option('--device <engine>', 'make a form for this engine alone (default: for ONNX Runtime and TensorRT)').choices(
        optimizeDevices,
      ),
    )
    .option('--prune <weights>', 'make small weights 0: magnitude:0.5 half of those of each output channel, 2:4 two of each four')
    .requiredOption('-o, --output <bundle>', 'the folder to write; a bundle that is there is replaced')
    .option('--labels <path>', 'a labelled data set, for accuracy before and after')
    .addOption(new Option('--format <name>', 'of --labels (default: recognised)').choices(datasetFormats))
    .option('--split <name>', 'which part of --labels, such as val')
    .option('--images <dir>', 'where the pictures of --labels are (default: where the data set says)')
    .option('--class-names <file>', 'class names of the model (default: its own)')
    .option('--calibration <table>', 'take this calibration, and make none; without --pictures')
    .option('--export-onnx <dir>', 'write each form as a plain .onnx file, too')
    .addOption(new Option('--pictures <n>', 'how many are calibrated with (default: 32, or half)').argParser(parseInteger))
    .addOption(new Option('--seed <n>', 'decides which (default: 0)').argParser(parseInteger))
    .option('--force', 'go on where the calibration is doubtful')
    .addOption(new Option('--threads <n>', 'measure with 1 and with n threads (default: all cores)').argParser(parseInteger))
    .option('--json', 'print the report as one JSON document')
    .option('-q, --quiet', 'no progress and no notes');
  command.optionsGroup('Budget:');
  for (const option of budgetOptions()) command.addOption(option);
  for (const { heading, options } of taskOptions()) {
    const used = options.filter((option) => !leftOut.includes(option.attributeName()));
    if (used.length === 0) continue;
    command.optionsGroup(heading);
    for (const option of used) command.addOption(option);
  }
  command
    .addHelpText('after', examples)
    .action(async (model: string, options: OptimizeOptionValues) =>
      (await import('./optimize-run.js')).run(model, options, invocation, await steps()),
    );
}
