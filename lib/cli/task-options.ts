import { InvalidArgumentError, Option } from 'commander';

import { devices } from '../engine/index.js';
import { presets } from '../image/index.js';
import { activations } from '../tasks/activation.js';
import { detectionHeads } from '../tasks/detector-head.js';
import { layouts } from '../tasks/segmenter.js';
import { taskNames, type LoadTaskOptions } from '../tasks/recognize-task.js';

/** What `loadTask` can be told on the command line. */
export type TaskOptionValues = Pick<
  LoadTaskOptions,
  | 'task'
  | 'device'
  | 'threads'
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
>;

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('Expected a number.');
  return value;
}

/** Ids are numbers, everything else is a name. */
function parseClasses(text: string): (number | string)[] {
  return text.split(',').map((part) => (/^\d+$/.test(part.trim()) ? Number(part) : part.trim()));
}

/** Made anew for each program, because commander's options hold what they were given. */
export function taskOptions(): { readonly heading: string; readonly options: readonly Option[] }[] {
  return [
    {
      heading: 'Model:',
      options: [
        new Option('--task <name>', 'what the model is for (default: recognised)').choices(taskNames),
        new Option('--device <name>', 'where it runs; a named device is used or refused (default: "auto")').choices(devices),
        new Option('--threads <n>', 'threads inside one run (default: all cores)').argParser(parseNumber),
        new Option('--labels <file>', 'class names (default: those of the model or beside it, else a built-in list that fits)'),
        new Option('--preprocess <preset>', 'how pictures become input (default: recognised)').choices(Object.keys(presets)),
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
      ],
    },
    {
      heading: 'Segmenters:',
      options: [
        new Option('--threshold <x>', 'foreground from this value on, for one channel (default: 0.5)').argParser(parseNumber),
        new Option('--layout <name>', 'order of the axes of the output (default: recognised)').choices(layouts),
      ],
    },
  ];
}
