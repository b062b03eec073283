import { readFileSync } from 'node:fs';

import { InvalidArgumentError, Option } from 'commander';

import { devices } from '../engine/index.js';
import { presets } from '../image/index.js';
import { activations } from '../tasks/activation.js';
import { mapInterpolations, mapScalings } from '../tasks/dense-predictor.js';
import { poolings } from '../tasks/embedder.js';
import { detectionHeads } from '../tasks/heads/detection-head.js';
import { layouts } from '../tasks/segmenter.js';
import { taskNames, type LoadTaskOptions } from '../tasks/index.js';

/** What `loadTask` can be told on the command line: {@link loadTaskOptions} says how. */
export interface TaskOptionValues extends Pick<
  LoadTaskOptions,
  | 'task'
  | 'device'
  | 'threads'
  | 'build'
  | 'trust'
  | 'labels'
  | 'preprocess'
  | 'pixelLimit'
  | 'topK'
  | 'scoreThreshold'
  | 'iouThreshold'
  | 'maxDetections'
  | 'classAgnostic'
  | 'classes'
  | 'head'
  | 'threshold'
  | 'activation'
  | 'layout'
  | 'keypoints'
  | 'rotated'
  | 'ssd'
  | 'pooling'
  | 'scaling'
  | 'interpolation'
> {
  readonly slices?: boolean;
  readonly sliceSize?: number;
  readonly modelOutput?: string;
}

/** Options of the library that are flags of another name: --output is a folder, and a flag holds no object. */
export const flagsOfOtherNames: readonly (readonly [string, string])[] = [
  ['output', '--model-output'],
  ['slices.width', '--slice-size'],
  ['slices.height', '--slice-size'],
];

export function loadTaskOptions({ slices, sliceSize, modelOutput, ...same }: TaskOptionValues): LoadTaskOptions {
  return {
    ...same,
    ...(modelOutput !== undefined && { output: modelOutput }),
    ...(sliceSize !== undefined ? { slices: { width: sliceSize, height: sliceSize } } : slices && { slices: {} }),
  };
}

export function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** Ids are numbers, everything else is a name. */
function parseClasses(text: string): (number | string)[] {
  return text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : part.trim()));
}

function parsePair(text: string): [number, number] {
  const numbers = text.split(',').map(parseNumber);
  if (numbers.length !== 2) throw new InvalidArgumentError('Expected two numbers, as in 17,3.');
  return numbers as [number, number];
}

/** What it holds is checked by whoever takes it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.trimStart().startsWith('{') ? text : readFileSync(text, 'utf8'));
  } catch (error) {
    throw new InvalidArgumentError(`Expected JSON or a file of it: ${error instanceof Error ? error.message : String(error)}.`);
  }
}

const presetNames = Object.keys(presets);

function parsePreprocess(text: string): unknown {
  if (presetNames.includes(text)) return text;
  if (text.trimStart().startsWith('{') || text.endsWith('.json')) return parseJson(text);
  throw new InvalidArgumentError(`Allowed choices are ${presetNames.join(', ')}, and options as JSON or a file of it.`);
}

/** Made anew for each program, because commander's options hold what they were given. */
export function taskOptions(): { readonly heading: string; readonly options: readonly Option[] }[] {
  return [
    {
      heading: 'Model:',
      options: [
        new Option('--task <name>', 'what the model is for (default: recognised)').choices(taskNames),
        new Option('--device <name>', 'where it runs; a named device is used or refused (default: "auto")').choices(devices),
        new Option(
          '--build <policy>',
          'whether an engine of TensorRT is built first where none is in the cache (default: "on-load")',
        ).choices(['never', 'on-load']),
        new Option('--trust', 'run the engine of a bundle that was built elsewhere: it is code'),
        new Option('--threads <n>', 'threads inside one run (default: all cores)').argParser(parseNumber),
        new Option('--labels <file>', 'class names (default: those of the model or beside it, else a built-in list that fits)'),
        new Option(
          '--preprocess <preset>',
          `how pictures become input: ${presetNames.join(', ')}, or what is to differ, as JSON or a file of it (default: recognised)`,
        ).argParser(parsePreprocess),
        new Option('--pixel-limit <n>', 'refuse pictures with more pixels (default: 64000000)').argParser(parseNumber),
      ],
    },
    {
      heading: 'Classifiers and segmenters:',
      options: [
        new Option('--activation <name>', 'what is applied to the raw scores (default: recognised)').choices(activations),
      ],
    },
    {
      heading: 'Classifiers:',
      options: [new Option('--top-k <n>', 'how many classes are told (default: 5)').argParser(parseNumber)],
    },
    {
      heading: 'Detectors:',
      options: [
        new Option('--score-threshold <x>', 'keep boxes from this score on (default: 0.25)').argParser(parseNumber),
        new Option('--iou-threshold <x>', 'of boxes that overlap more, drop the lower score (default: 0.45)').argParser(
          parseNumber,
        ),
        new Option('--max-detections <n>', 'per picture (default: 300)').argParser(parseNumber),
        new Option('--class-agnostic', 'let boxes of different classes suppress one another'),
        new Option('--classes <a,b>', 'only these classes, by name or id').argParser(parseClasses),
        new Option('--head <name>', 'how the raw output is read (default: recognised)').choices(detectionHeads),
        new Option('--keypoints <n,v>', 'how many keypoints each object has, and values of each: 2 or 3').argParser(parsePair),
        new Option('--rotated', 'boxes are oriented'),
        new Option('--ssd <json>', 'what the boxes of an SSD are, as JSON or a file of it').argParser(parseJson),
        new Option('--slices', 'look at the picture in overlapping slices, for small objects in large pictures'),
        new Option('--slice-size <n>', 'in slices of so many pixels a side (default: as the input)').argParser(parseNumber),
      ],
    },
    {
      heading: 'Segmenters:',
      options: [
        new Option('--threshold <x>', 'foreground from this value on, for one channel (default: 0.5)').argParser(parseNumber),
        new Option('--layout <name>', 'order of the axes of the output (default: recognised)').choices(layouts),
      ],
    },
    {
      heading: 'Embedders and dense predictors:',
      options: [
        new Option('--model-output <name>', 'the output that holds the vector or the map (default: recognised)'),
        new Option('--pooling <name>', 'how the vectors of patches become one').choices(poolings),
        new Option('--scaling <name>', 'what is done to the numbers of a map (default: "none")').choices(mapScalings),
        new Option('--interpolation <name>', 'how a map is brought to the size of the picture (default: "bilinear")').choices(
          mapInterpolations,
        ),
      ],
    },
  ];
}
