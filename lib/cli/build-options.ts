/** Flags of `foveate build`, and what they hold. */
import { InvalidArgumentError, Option } from 'commander';

import type { BuildEngineOptions } from '../tasks/index.js';
import { taskNames } from '../tasks/index.js';
import { presets } from '../image/index.js';
import { detectionHeads } from '../tasks/heads/detection-head.js';

type Profile = NonNullable<BuildEngineOptions['profiles']>[number];

/** As commander gives them: all by the names of the library's options, but for these. */
export interface BuildOptionValues extends Omit<
  BuildEngineOptions,
  'profiles' | 'workspaceBytes' | 'pluginLibraries' | 'preprocess'
> {
  readonly profile?: readonly Profile[];
  readonly workspace?: number;
  readonly plugin?: readonly string[];
  readonly preprocess?: keyof typeof presets;
  readonly check?: boolean;
  readonly verbose?: boolean;
  readonly json?: boolean;
}

/** Options of the library that are flags of another name. */
export const buildFlagsOfOtherNames: readonly (readonly [string, string])[] = [
  ['profiles', '--profile'],
  ['workspaceBytes', '--workspace'],
  ['pluginLibraries', '--plugin'],
];

/** What `foveate build` itself takes; the rest is the library's. */
const ownFlags = ['check', 'verbose', 'json'];

export function buildEngineOptions({
  profile,
  workspace,
  plugin,
  tf32,
  ...same
}: BuildOptionValues): Omit<BuildEngineOptions, 'signal'> {
  return {
    ...(Object.fromEntries(Object.entries(same).filter(([name]) => !ownFlags.includes(name))) as typeof same),
    // Given or not, commander says true.
    ...(tf32 === false && { tf32 }),
    ...(profile !== undefined && { profiles: profile }),
    ...(workspace !== undefined && { workspaceBytes: workspace }),
    ...(plugin !== undefined && { pluginLibraries: plugin }),
  };
}

/** For commander's options. */
export function parseInteger(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('Expected a whole number.');
  return Number(text);
}

/** `8`, or `1,4,8`: smallest, usual, largest. */
function parseBatch(text: string): BuildEngineOptions['batch'] {
  const numbers = text.split(',').map(parseInteger);
  if (numbers.length === 1) return numbers[0] as number;
  const [min, opt, max] = numbers;
  if (numbers.length !== 3) throw new InvalidArgumentError('Expected a number, or three: 1,4,8.');
  return { min: min as number, opt: opt as number, max: max as number };
}

/** `86,89,120` or `8.6,8.9,12.0` */
function parseCapabilities(text: string): readonly number[] {
  return text.split(',').map((part) => {
    const [, major, minor] = /^(\d+)\.(\d)$/.exec(part) ?? [];
    return major === undefined ? parseInteger(part) : Number(major) * 10 + Number(minor);
  });
}

function parseShape(text: string): number[] {
  if (!/^\d+(x\d+)*$/.test(text)) throw new InvalidArgumentError(`Expected a shape such as 1x3x640x640, received "${text}".`);
  return text.split('x').map(Number);
}

/** `images=1x3x640x640,4x3x640x640,8x3x640x640`, several inputs with a semicolon between them. */
export function parseProfile(text: string): Profile {
  const parts = text.split(';').map((part) => part.trim());
  const names = parts.map((part) => part.slice(0, part.lastIndexOf('=')));
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new InvalidArgumentError(`Expected each input once, received "${twice}" twice: give --profile once for each profile.`);
  return Object.fromEntries(
    parts.map((part) => {
      const at = part.lastIndexOf('=');
      const shapes = part
        .slice(at + 1)
        .split(',')
        .map(parseShape);
      if (at < 1 || (shapes.length !== 1 && shapes.length !== 3)) {
        throw new InvalidArgumentError(
          'Expected INPUT=MIN,OPT,MAX or INPUT=SHAPE, as in images=1x3x640x640,4x3x640x640,8x3x640x640, several inputs with ; between, in quotes.',
        );
      }
      const [min, opt = min, max = min] = shapes as [number[], number[]?, number[]?];
      return [part.slice(0, at), { min, opt, max }];
    }),
  );
}

const units = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;

/** `512M`, `2G`, `1073741824` */
export function parseBytes(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([KMG]?)i?B?$/i.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('Expected a size such as 512M or 2G.');
  return Math.round(Number(number) * units[(unit ?? '').toUpperCase() as keyof typeof units]);
}

const several =
  <T>(parse: (text: string) => T) =>
  (text: string, before: readonly T[] = []): readonly T[] => [...before, parse(text)];

/** Made anew for each program, because commander's options hold what they were given. */
export function buildOptions(): { readonly heading: string; readonly options: readonly Option[] }[] {
  return [
    {
      heading: 'Library and GPU:',
      options: [
        new Option('--device <library>', 'tensorrt or tensorrt-rtx, with a version where one is needed: tensorrt@10').default(
          'tensorrt-rtx',
        ),
        new Option(
          '--compute-capability <list>',
          'for tensorrt-rtx: the GPUs to build for, as in 89 or 86,89,120 (default: that of this machine)',
        ).argParser(parseCapabilities),
        new Option('--tensorrt-path <path>', 'folder or file of the library (default: it is looked for)'),
      ],
    },
    {
      heading: 'Shapes:',
      options: [
        new Option('--batch <n>', 'pictures in a batch: the most, or min,opt,max; frees a fixed batch axis').argParser(
          parseBatch,
        ),
        new Option(
          '--profile <shapes>',
          "INPUT=MIN,OPT,MAX for every input, in the axes of the model's own input; several inputs with ; between; once for each profile",
        ).argParser(several(parseProfile)),
        new Option('--free-batch', 'make a fixed batch axis free'),
      ],
    },
    {
      heading: 'Input:',
      options: [
        new Option('--no-bake', "leave the model's input as it is (default: the engine takes pixels, uint8 [N, H, W, C])"),
        new Option('--task <name>', 'what the model is for (default: recognised)').choices(taskNames),
        new Option('--head <name>', "how a detector's raw output is read (default: recognised)").choices(detectionHeads),
        new Option('--preprocess <preset>', 'how pictures become input (default: recognised)').choices(Object.keys(presets)),
        new Option('--labels <file>', 'class names (default: as for run)'),
      ],
    },
    {
      heading: 'Engine:',
      options: [
        new Option('--workspace <size>', 'memory that layers may use while they run, as in 512M').argParser(parseBytes),
        new Option('--optimization-level <n>', '0 (fast build) to 5 (fast engine)').argParser(parseInteger),
        new Option('--no-tf32', 'float32 with all bits of its mantissa (default: 10 bits on tensor cores, which is faster)'),
        new Option('--sparsity', 'kernels for weights with 2:4 sparsity'),
        new Option('--version-compatible', 'run with later releases of the same major version too'),
        new Option('--hardware-compatibility <level>', 'run on other GPUs too').choices([
          'none',
          'ampere-plus',
          'same-compute-capability',
        ]),
        new Option('--refit', 'weights can be replaced afterwards'),
        new Option('--strip-weights', 'leave the weights out; a refit brings them back'),
        new Option('--weight-streaming', 'weights may be kept on the host and streamed'),
        new Option('--dla-core <n>', 'a deep-learning accelerator (Jetson)').argParser(parseInteger),
        new Option('--gpu-fallback', 'layers that the accelerator cannot run go to the GPU'),
        new Option(
          '--tactic-sources <bits>',
          "the libraries that kernels may come from, as bits of the release's TacticSource",
        ).argParser(parseInteger),
        new Option('--auxiliary-streams <n>', 'at most so many CUDA streams beside the main one').argParser(parseInteger),
        new Option('--precision <name>', 'for TensorRT 8 only: later releases take it from the graph').choices(['fp16', 'int8']),
        new Option('--plugin <file>', 'a shared library with operators; once for each').argParser(
          several((text: string) => text),
        ),
        new Option('--trust', 'plugin libraries may be run'),
      ],
    },
  ];
}
