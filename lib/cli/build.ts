import { basename } from 'node:path';

import type { Command } from 'commander';

import { checkEngineSupport, waitingPhase, type BuildLogLine, type SupportReport } from '../engine/index.js';
import { BuildBar } from './build-bar.js';
import { ArgumentError } from '../errors/index.js';
import { modelPath } from '../graph/index.js';
import { buildEngine } from '../tasks/index.js';
import { printable } from '../text/index.js';
import { buildEngineOptions, buildOptions, type BuildOptionValues } from './build-options.js';
import { bundleLines } from './bundle-report.js';
import type { Invocation } from './invocation.js';

const examples = `
Examples:
  foveate install tensorrt-rtx
  foveate build yolov8n.onnx --compute-capability 89 -o yolov8n.bundle
  foveate build yolov8n.onnx --compute-capability 86,89,120 --batch 1,4,16
  foveate build segment.onnx --profile images=1x3x320x320,1x3x640x640,4x3x1280x1280
  foveate build yolov8n.onnx --check

An engine that was built before from the same model, with the same library and options, is taken from the cache.`;

/** `foveate build MODEL` */
export function addBuild(program: Command, invocation: Invocation): void {
  const command = program
    .command('build')
    .summary('build a TensorRT engine of a model')
    .description(
      'Builds a TensorRT engine of an ONNX model: a bundle with the engine, the model, its preprocessing and labels. TensorRT-RTX builds on machines without a GPU too.',
    )
    .argument('<model>', 'an ONNX file, or the bundle of an optimised model')
    .option('-o, --output <folder>', 'where the bundle is put; one that is there is replaced (default: it stays in the cache)')
    .option('--no-cache', 'build even where the engine was built before')
    .option('--check', 'only tell which operators of the model, as it is, the library can take')
    .option('--verbose', 'print all that the library logs')
    .option('--json', 'print JSON');
  for (const { heading, options } of buildOptions()) {
    command.optionsGroup(heading);
    for (const option of options) command.addOption(option);
  }
  command
    .addHelpText('after', examples)
    .action((model: string, values: BuildOptionValues) => build(model, values, command, invocation));
}

async function build(model: string, values: BuildOptionValues, command: Command, invocation: Invocation): Promise<void> {
  const path = modelPath('model', model);
  const { check = false, verbose = false } = values;
  if (check) return checkSupport(path, values, command, invocation);
  const { signal, document } = invocation;
  const bar = new BuildBar(document === undefined);
  const started = performance.now();
  // An error that ends the build is in what is thrown, in better words.
  const errors: BuildLogLine[] = [];
  // Some are told once for each layer.
  const warned = new Map<string, number>();
  try {
    const { bundle, fromCache, notBaked } = await buildEngine(path, {
      ...buildEngineOptions(values),
      signal,
      onProgress: (progress) => {
        if (progress.phase === waitingPhase) invocation.tell(`${waitingPhase}.`);
        bar.show(progress);
      },
      onLog: (line) => {
        const times = (warned.get(line.message) ?? 0) + 1;
        if (line.level === 'warning') warned.set(line.message, times);
        if (verbose || (line.level === 'warning' && times === 1)) bar.above(() => tellLog(line, invocation));
        else if (line.level === 'error') errors.push(line);
      },
    });
    bar.stop();
    for (const line of errors) tellLog(line, invocation);
    const repeated = [...warned.values()].reduce((sum, times) => sum + times - 1, 0);
    if (repeated > 0 && !verbose) invocation.tell(`${repeated} more warnings were the same as one above.`);
    const seconds = (performance.now() - started) / 1000;
    if (document !== undefined)
      return document.whole({ path: bundle.path, fromCache, seconds, notBaked: notBaked ?? null, manifest: bundle.manifest });
    if (notBaked !== undefined) invocation.tell(`The input is left as it is: ${printable(notBaked)}`);
    invocation.out(`${bundleLines(bundle, undefined, basename(path)).join('\n')}\n`);
    invocation.out(fromCache ? `Taken from the cache in ${seconds.toFixed(2)} s.\n` : `Built in ${seconds.toFixed(1)} s.\n`);
  } finally {
    bar.stop();
  }
}

/** Options that go with --check. */
const takenByCheck = ['check', 'device', 'tensorrtPath', 'json'];

/** Which parts of the model the library takes, operator by operator. Exit code 4 where it takes not all. */
async function checkSupport(
  path: string,
  { device, tensorrtPath }: BuildOptionValues,
  command: Command,
  invocation: Invocation,
): Promise<void> {
  for (const option of command.options) {
    const name = option.attributeName();
    if (takenByCheck.includes(name) || command.getOptionValueSource(name) !== 'cli') continue;
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: `Expected --check without ${option.long ?? option.flags}: it looks at the model as it is`,
      hint: 'Leave it out, or build without --check.',
    });
  }
  const report = await checkEngineSupport(path, { device, tensorrtPath, signal: invocation.signal });
  if (!report.supported) invocation.exitCode = 4;
  if (invocation.document !== undefined) return invocation.document.whole({ model: path, ...report });
  const lines = [
    `${basename(path)} on ${report.library}: ${report.supported ? 'all operators are supported' : 'not supported as a whole'}`,
  ];
  for (const { op, supported, unsupported } of report.operators) {
    lines.push(
      `  ${op.padEnd(28)} ${String(supported + unsupported).padStart(5)}  ${unsupported === 0 ? 'supported' : `${unsupported} not supported`}`,
    );
  }
  lines.push(...faultLines(report.faults));
  invocation.out(`${lines.map(printable).join('\n')}\n`);
}

/** A line for each operator and reason, with the names of its first nodes. */
function faultLines(faults: SupportReport['faults']): string[] {
  const namesOf = new Map<string, string[]>();
  for (const { node, op, reason } of faults) {
    const what = op === '' ? reason : `${op}: ${reason}`;
    namesOf.set(what, [...(namesOf.get(what) ?? []), ...(node === '' ? [] : [node])]);
  }
  return [...namesOf].map(([what, names]) => {
    const more = names.length > namesShown ? ` and ${names.length - namesShown} more` : '';
    return `  ${what}${names.length === 0 ? '' : ` (${names.slice(0, namesShown).join(', ')}${more})`}`;
  });
}

const namesShown = 3;

function tellLog({ level, message }: BuildLogLine, invocation: Invocation): void {
  invocation.tell(`${level}: ${message.trimEnd().split('\n').map(printable).join('\n  ')}`);
}
