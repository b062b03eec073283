import { Command } from 'commander';

import { packageVersion } from '../binding/index.js';
import { addBench } from './bench.js';
import { addBuild } from './build.js';
import { addCalibrate } from './calibrate.js';
import { buildFlagsOfOtherNames } from './build-options.js';
import { addCompare } from './compare.js';
import { addDoctor } from './doctor.js';
import { addEval } from './eval.js';
import { exitCodes } from './exit.js';
import { addGate } from './gate.js';
import { addGraph } from './graph.js';
import { addInspect } from './inspect.js';
import { addInstall } from './install.js';
import type { Invocation } from './invocation.js';
import { addLoadTest } from './load-test.js';
import { addOptimize } from './optimize.js';
import { addRun } from './run.js';
import { flagsOfOtherNames } from './task-options.js';
import type { Flag, Flags } from './wording.js';
import { addTypegen } from './typegen.js';

const examples = `
Examples:
  foveate run yolov8n.onnx street.jpg
  foveate inspect yolov8n.onnx
  foveate eval yolov8n.onnx --data coco/annotations/instances_val2017.json -o val/
  foveate gate gate.yaml val/results.json
  foveate calibrate yolov8n.onnx --data pictures/ -o yolov8n.calibration.json
  foveate compare yolov8n.onnx yolov8n.int8.onnx --data pictures/
  foveate optimize yolov8n.onnx --data pictures/ --precision int8 -o yolov8n.bundle
  foveate bench yolov8n.onnx --batch 1,4 --lanes 1,2
  foveate load-test http://127.0.0.1:8080/detect --rate 50/s --body street.jpg
  foveate graph diff yolov8n.onnx yolov8n.int8.onnx
  foveate build yolov8n.onnx --compute-capability 89 -o yolov8n.engine
  foveate typegen yolov8n.onnx -o yolov8n.d.ts
  foveate install tensorrt-rtx
  foveate doctor

Exit codes:
${Object.entries(exitCodes)
  .map(([code, meaning]) => `  ${code.padEnd(4)} ${meaning}`)
  .join('\n')}`;

/** The command line's definition. It throws, and prints no error itself. */
export function createProgram(invocation: Invocation): Command {
  const program = new Command('foveate')
    .description('Vision models on this machine: an ONNX model and pictures in, results and annotated pictures out.')
    .version(packageVersion, '-v, --version')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .hook('preAction', (_, command) => {
      invocation.flags = flagsFor(command, program);
    })
    .addHelpText('after', examples);
  addRun(program, invocation);
  addInspect(program, invocation);
  addEval(program, invocation);
  addGate(program, invocation);
  addCalibrate(program, invocation);
  addCompare(program, invocation);
  addBench(program, invocation);
  addLoadTest(program, invocation);
  addOptimize(program, invocation, async () => (await import('../optimize/model-steps.js')).modelSteps);
  addGraph(program, invocation);
  addBuild(program, invocation);
  addTypegen(program, invocation);
  addInstall(program, invocation);
  addDoctor(program, invocation);
  return program;
}

/** Names of the library's options that are flags of another name. */
const otherNames: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  run: flagsOfOtherNames,
  eval: flagsOfOtherNames,
  calibrate: flagsOfOtherNames,
  compare: flagsOfOtherNames,
  bench: [...flagsOfOtherNames, ['pictures', '--data'], ['shapes', '--shape'], ['durationMs', '--duration']],
  'load-test': [
    ...flagsOfOtherNames,
    ...([
      ['pictures', '--data'],
      ['shapes', '--input-shape'],
      ['durationMs', '--duration'],
      ['thinkMs', '--think'],
    ] as const),
    ...([
      ['deadlineMs', '--deadline'],
      ['maxDelayMs', '--max-delay'],
      ['maxP99Ms', '--max-p99'],
      ['bodies', '--body'],
    ] as const),
    ['headers', '--header'],
  ],
  argmax: flagsOfOtherNames,
  topk: flagsOfOtherNames,
  // What goes wrong with `output` is about the folder: the task's option of that name is hardly given.
  optimize: [...flagsOfOtherNames, ['output', '--output'], ['labelled', '--labels'], ['labels', '--class-names']],
  build: buildFlagsOfOtherNames,
};

/** The flags of a verb; what only `foveate run` has is told as a call of that. */
function flagsFor(command: Command, program: Command): Flags {
  const flagsOf = (verb: Command, call: string): [string, Flag][] =>
    [
      ...verb.options.map((option) => [option.attributeName(), option.long ?? option.flags] as const),
      ...(otherNames[verb.name()] ?? []),
    ].map(([name, flag]) => [name, { flag, call }]);
  const run = program.commands.filter((verb) => verb.name() === 'run' && verb !== command);
  return new Map([...run.flatMap((verb) => flagsOf(verb, 'foveate run ')), ...flagsOf(command, '')]);
}
