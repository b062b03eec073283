import { createInterface } from 'node:readline';

import { Argument, type Command } from 'commander';

import {
  installTensorRtRtx,
  isInstalled,
  tensorRtRtxInstallation,
  tensorRtRtxPackage,
  tensorRtRtxVersion,
  type InstallStep,
  type TensorRtRtxInstallation,
} from '../engine/index.js';
import { ArgumentError } from '../errors/index.js';
import type { Invocation } from './invocation.js';

const examples = `
Examples:
  foveate install tensorrt-rtx
  foveate install tensorrt-rtx --yes`;

/** `foveate install LIBRARY` */
export function addInstall(program: Command, invocation: Invocation): void {
  program
    .command('install')
    .summary('download a library of NVIDIA that foveate can use')
    .description(
      "Downloads a library with python3's pip, from the index that pip is set up for, into foveate's cache. Tells what it is, its size and its licence, and asks.",
    )
    .addArgument(new Argument('<library>', 'which').choices(['tensorrt-rtx']))
    .option('-y, --yes', 'agree to the licence, and do not ask')
    .addHelpText('after', examples)
    .action((_library: string, { yes = false }: { readonly yes?: boolean }) => install(yes, invocation));
}

async function install(yes: boolean, invocation: Invocation): Promise<void> {
  const { signal } = invocation;
  const installation = tensorRtRtxInstallation();
  if (isInstalled(installation)) {
    invocation.out(`TensorRT-RTX ${tensorRtRtxVersion} is already installed: ${installation.library}\n`);
    invocation.tell(`To install it again, delete ${installation.folder} first.`);
    return;
  }
  if (!yes && !(process.stdin.isTTY && process.stderr.isTTY)) {
    throw new ArgumentError('INVALID_ARGUMENT', {
      message: 'Expected a terminal to ask on, or --yes, but there is neither',
      hint: `Read the licence, ${tensorRtRtxPackage.licenceUrl}, and give --yes to agree to it.`,
    });
  }
  for (const line of summary(installation)) invocation.tell(line);
  if (!yes && !(await agreed('Agree to the licence and download?', signal))) {
    signal.throwIfAborted();
    invocation.tell('Nothing was installed.');
    invocation.exitCode = 1;
    return;
  }
  await installTensorRtRtx(installation, {
    signal,
    onStep: (step) => invocation.tell(stepWords[step]),
    progress: process.stderr.fd,
  });
  invocation.out(`TensorRT-RTX ${tensorRtRtxVersion} is installed: ${installation.library}\n`);
  invocation.tell(`Its licence: ${installation.licence}`);
}

const stepWords: Readonly<Record<InstallStep, string>> = {
  download: 'Downloading with pip',
  check: 'Comparing with the pinned SHA-256',
  unpack: 'Unpacking',
};

function summary({ wheel, folder }: TensorRtRtxInstallation): string[] {
  const { requirement, licenceName, licenceUrl } = tensorRtRtxPackage;
  const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
  return [
    `TensorRT-RTX ${tensorRtRtxVersion}, by NVIDIA`,
    `  package   ${requirement}`,
    `  download  ${megabytes(wheel.bytes)}, ${megabytes(wheel.unpackedBytes)} unpacked`,
    `  folder    ${folder}`,
    `  licence   ${licenceName}; to download it is to agree to it`,
    `            ${licenceUrl}`,
    `            and in the package: ${wheel.licence}`,
  ];
}

/** Asks on the terminal. Anything but yes, the end of the input too, is no. */
async function agreed(question: string, signal: AbortSignal): Promise<boolean> {
  process.stderr.write(`${question} [y/N] `);
  // The terminal itself edits the line and turns Ctrl-C into a signal.
  const lines = createInterface({ input: process.stdin, terminal: false, signal });
  const answer = await new Promise<string | undefined>((resolve) => {
    lines.once('line', resolve);
    lines.once('close', () => resolve(undefined));
  });
  lines.close();
  if (answer === undefined) process.stderr.write('\n');
  return /^\s*y(es)?\s*$/i.test(answer ?? '');
}
