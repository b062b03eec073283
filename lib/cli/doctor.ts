import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Command } from 'commander';

import {
  libraryCandidates,
  tensorRtPlaces,
  type Diagnosis,
  type DiagnosisStep,
  type Finding,
  type LibraryFinding,
  type TensorRtFinding,
} from '../engine/index.js';
import { BackendError } from '../errors/index.js';
import { paint } from './color.js';
import type { ProbeMessage } from './doctor-probe.js';
import type { Invocation } from './invocation.js';

const examples = `
Examples:
  foveate doctor
  foveate doctor --json | jq .onnxruntime.version
  foveate doctor --json | jq '.tensorrt[] | {family, version, canBuild, canRun}'`;

/** `foveate doctor` */
export function addDoctor(program: Command, invocation: Invocation): void {
  program
    .command('doctor')
    .summary('tell what works on this machine, and why the rest does not')
    .description(
      'Looks for every library that foveate uses, runs a small model on each device, and tells what to do about what is missing.',
    )
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action(() => doctor(invocation));
}

async function doctor(invocation: Invocation): Promise<void> {
  const diagnosis = await probe(invocation.signal);
  if (invocation.document === undefined) invocation.out(`${render(diagnosis).join('\n')}\n`);
  else invocation.document.whole(diagnosis);
  invocation.exitCode = diagnosis.ok ? 0 : 3;
}

/**
 * The diagnosis, made in a child process: a library that crashes takes only the child down, and what it prints on standard output goes
 * to standard error.
 */
function probe(signal: AbortSignal): Promise<Diagnosis> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL('./doctor-probe.js', import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'], signal });
    let step: DiagnosisStep | 'start' = 'start';
    child.on('message', (message: ProbeMessage) => {
      if ('step' in message) step = message.step;
      else resolve(message.diagnosis);
    });
    child.on('error', reject);
    child.on('close', (code, killedBy) => {
      const library = libraryCandidates(undefined).find(({ path }) => path !== undefined)?.path;
      reject(
        new BackendError('BACKEND_INVALID', {
          message: `The process that looked at '${step}' ended with ${killedBy ?? `exit code ${code}`} before it could answer`,
          hint: `A library that was loaded there is broken or of the wrong kind. The ONNX Runtime library is ${library ?? 'missing'}.`,
          details: { step, code, signal: killedBy },
        }),
      );
    });
  });
}

function render(diagnosis: Diagnosis): string[] {
  const { node, platform, core, onnxruntime, sharp } = diagnosis;
  return [
    `foveate ${diagnosis.foveate}`,
    '',
    ...finding('Node', node),
    ...finding('Platform', platform),
    ...library('Native core', core),
    ...library('ONNX Runtime', onnxruntime),
    ...library('sharp', sharp),
    '',
    'TensorRT',
    ...(diagnosis.tensorrt.length === 0 ? noTensorRt() : diagnosis.tensorrt.flatMap(tensorRt)),
    '',
    'Devices',
    ...Object.entries(diagnosis.devices).flatMap(([device, state]) => finding(device, state)),
    '',
    diagnosis.ok ? 'Models run on this machine.' : 'Models do not run on this machine: follow the first remedy above.',
  ];
}

const nameWidth = 14;
const indent = ' '.repeat(nameWidth + 6);

function finding(name: string, { usable, detail, remedy }: Finding): string[] {
  const mark = usable ? paint(process.stdout, 'green', 'ok') : paint(process.stdout, 'red', 'no');
  const lines = [`${mark}    ${name.padEnd(nameWidth)}${detail.replaceAll('\n', `\n${indent}`)}`];
  if (remedy !== undefined) lines.push(`${indent}${paint(process.stdout, 'yellow', 'remedy:')} ${remedy}`);
  return lines;
}

function tensorRt(state: TensorRtFinding): string[] {
  const { family, path, parserPath, origin } = state;
  const lines = [`${origin}: ${path}`, ...(parserPath === undefined ? [] : [`ONNX parser: ${parserPath}`])];
  return [...finding(family, state), ...lines.map((line) => `${indent}${paint(process.stdout, 'dim', line)}`)];
}

function noTensorRt(): string[] {
  const places = tensorRtPlaces().map(({ origin, where, missing = '' }) => ({
    place: where === undefined ? origin : `${origin} ${where}`,
    outcome: missing,
  }));
  const remedy =
    'Models run without it. To build engines: npx foveate install tensorrt-rtx, or name the folder of one with FOVEATE_TENSORRT_PATH.';
  return library('library', { found: false, usable: false, detail: 'not found', remedy, places });
}

function library(name: string, state: LibraryFinding): string[] {
  const places = state.places.map(
    ({ place, outcome }) => `${indent}${paint(process.stdout, 'dim', `looked at ${place}: ${outcome}`)}`,
  );
  return [...finding(name, state), ...places];
}
