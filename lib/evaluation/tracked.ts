import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, parse, resolve } from 'node:path';

import { packageVersion } from '../binding/index.js';
import { checkOptions, DatasetError } from '../errors/index.js';
import {
  evaluateTracking,
  readMotFile,
  type EvaluateTrackingOptions,
  type TrackingSequence,
  type TrackingSummary,
} from '../metrics/index.js';
import type { EvaluationResult, MetricValues } from './evaluation-result.js';
import { knownValues } from './known.js';

/**
 * Counts the tracks that a tracker found in videos: MOTChallenge's files. `data` is a folder with a folder for each sequence, which has `gt/gt.txt`, or one such file;
 * `predictions` is a folder with a file for each sequence, called as that is, or one such file.
 *
 * Throws DATASET_NOT_FOUND where a sequence has no file, DATASET_INVALID for what a file says, and as `evaluateTracking` does.
 */
export async function evaluateTracks(
  predictions: string,
  data: string,
  options: EvaluateTrackingOptions = {},
): Promise<EvaluationResult> {
  checkOptions('tracking options', options, ['rules', 'benchmark', 'signal']);
  const pairs = await sequenceFiles(predictions, data);
  const sequences: TrackingSequence[] = [];
  for (const { name, truth, found } of pairs) {
    sequences.push({
      name,
      truth: await readMotFile(truth, { signal: options.signal }),
      found: await readMotFile(found, { signal: options.signal }),
    });
  }
  const { rules, benchmark, sequences: each, combined } = await evaluateTracking(sequences, options);
  const hash = createHash('sha256');
  for (const { name, truth } of sequences)
    hash.update(`${name} ${truth.frames.join()} ${truth.ids.join()} ${truth.boxes.join()};`);
  return {
    format: 1,
    foveate: packageVersion,
    task: 'track',
    made: new Date().toISOString(),
    dataset: {
      name: basename(resolve(data)),
      format: 'mot',
      images: sequences.reduce((sum, { truth }) => sum + new Set(truth.frames).size, 0),
      annotations: combined.truthBoxes,
      sha256: hash.digest('hex'),
    },
    options: { rules, benchmark: benchmark ?? null },
    metrics: metricsOf(combined),
    intervals: {},
    classes: [],
    // Frames of one video are alike: intervals from draws of them would be far too narrow.
    slices: each.map(({ name, ...summary }) => ({
      attribute: 'sequence',
      value: name,
      images: new Set(sequences.find((sequence) => sequence.name === name)?.truth.frames).size,
      metrics: metricsOf(summary),
      intervals: {},
    })),
    curves: [
      {
        kind: 'alpha',
        name: 'HOTA',
        x: combined.hota.thresholds.map(({ threshold }) => threshold),
        y: combined.hota.thresholds.map(({ hota }) => hota),
      },
    ],
    examples: [],
    failures: [],
  };
}

function metricsOf({ clear, identity, hota }: TrackingSummary): MetricValues {
  return knownValues({
    ...{ HOTA: hota.hota, DetA: hota.detA, AssA: hota.assA, DetRe: hota.detRe, DetPr: hota.detPr },
    ...{ AssRe: hota.assRe, AssPr: hota.assPr, LocA: hota.locA },
    ...{ MOTA: clear.mota, MOTP: clear.motp, IDF1: identity.idf1, IDP: identity.idp, IDR: identity.idr },
    ...{ FP: clear.falsePositives, FN: clear.falseNegatives, IDSW: clear.switches, Frag: clear.fragmentations },
    ...{ MT: clear.mostlyTracked, PT: clear.partlyTracked, ML: clear.mostlyLost },
  });
}

interface SequenceFiles {
  readonly name: string;
  readonly truth: string;
  readonly found: string;
}

async function sequenceFiles(predictions: string, data: string): Promise<SequenceFiles[]> {
  const [truthIsFolder, foundIsFolder] = [await isFolder(data, 'data'), await isFolder(predictions, 'predictions')];
  if (!truthIsFolder && !foundIsFolder) return [{ name: parse(predictions).name, truth: data, found: predictions }];
  if (!truthIsFolder || !foundIsFolder) {
    throw new DatasetError('DATASET_INVALID', {
      message: `Expected two files or two folders but received ${truthIsFolder ? 'a folder' : 'a file'} of labels and ${foundIsFolder ? 'a folder' : 'a file'} of tracks`,
      hint: 'A folder of labels has SEQUENCE/gt/gt.txt for each sequence; the folder of tracks has SEQUENCE.txt.',
    });
  }
  const files: SequenceFiles[] = [];
  for (const name of (await readdir(data)).sort()) {
    const truth = join(data, name, 'gt', 'gt.txt');
    if (!(await isFile(truth))) continue;
    const found = join(predictions, `${name}.txt`);
    if (await isFile(found)) files.push({ name, truth, found });
    else
      throw notFound(found, `no file has the tracks of sequence ${name}`, 'A tracker that found nothing leaves an empty file.');
  }
  if (files.length === 0)
    throw notFound(data, 'no folder in it has gt/gt.txt', 'Name the folder that has those of the sequences in it.');
  return files;
}

async function isFolder(path: string, name: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (cause) {
    throw notFound(path, (cause as Error).message, `Check the path of ${name}.`);
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

function notFound(path: string, reason: string, hint: string): DatasetError {
  return new DatasetError('DATASET_NOT_FOUND', { message: `Cannot read ${path}: ${reason}`, hint, details: { file: path } });
}
