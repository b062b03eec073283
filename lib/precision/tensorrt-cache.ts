import { readFile, writeFile } from 'node:fs/promises';

import { CalibrationError, checkPath, invalidArgument } from '../errors/index.js';
import { writeWhole } from '../text/index.js';

/** From the lowest to the highest value that integers stand for. */
export interface ValueRange {
  readonly min: number;
  readonly max: number;
}

export interface TensorRtCacheOptions {
  /** Of the TensorRT that is to read it, such as '8.6.1' or '10.14.1': another one takes the cache for out of date, and calibrates anew. */
  readonly version: string;
}

/** A calibration cache of TensorRT. */
export interface TensorRtCache {
  /** Of the TensorRT that wrote it. */
  readonly version: string;
  /** Such as `EntropyCalibration2`. */
  readonly algorithm: string;
  /** Symmetric, by the name of the tensor: to be used in place of ranges that are searched for. */
  readonly ranges: ReadonlyMap<string, ValueRange>;
}

/** int8 without -128, as TensorRT has it. */
const levels = 127;

/** That of the one calibrator that all versions read. */
const writtenAlgorithm = 'EntropyCalibration2';

/**
 * Writes ranges as a calibration cache of TensorRT 8 or 10: `TRT-8601-EntropyCalibration2`, then a line for each tensor, its name and the bits of the
 * scale of int8, a 32-bit float, in hexadecimal. Of a range, the end that is further from 0 counts.
 *
 * Rejects with INVALID_ARGUMENT for a version that is none, a name that no line can hold, a range that is none; OUTPUT_NOT_WRITABLE.
 */
export async function writeTensorRtCache(
  ranges: ReadonlyMap<string, ValueRange>,
  path: string | URL,
  { version }: TensorRtCacheOptions,
): Promise<void> {
  const lines = [`TRT-${versionNumber(version)}-${writtenAlgorithm}`];
  for (const [name, { min, max }] of ranges) {
    if (name === '' || /[\r\n]/.test(name)) throw invalidArgument('ranges', 'names of one line', name);
    const scale = Math.fround(Math.max(Math.abs(min), Math.abs(max)) / levels);
    if (!Number.isFinite(scale)) throw invalidArgument(`ranges of ${JSON.stringify(name)}`, 'a finite range', { min, max });
    lines.push(`${name}: ${bitsOf(scale).toString(16)}`);
  }
  await writeWhole(checkPath('path', path), (partialPath) => writeFile(partialPath, `${lines.join('\n')}\n`));
}

/**
 * Reads a calibration cache that TensorRT 7 to 10 wrote, or {@link writeTensorRtCache}. Rejects with CALIBRATION_INVALID, whose `details` have the
 * `file` and the `line`.
 */
export async function readTensorRtCache(path: string | URL): Promise<TensorRtCache> {
  const file = checkPath('path', path);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CalibrationError('CALIBRATION_INVALID', {
      message: `Cannot read the calibration cache ${JSON.stringify(file)}: ${(cause as Error).message}`,
      hint: 'Check the path.',
      details: { file },
      cause,
    });
  }
  const invalid = (line: number, why: string): CalibrationError =>
    new CalibrationError('CALIBRATION_INVALID', {
      message: `The calibration cache ${JSON.stringify(file)}, line ${line}: ${why}`,
      hint: 'The file is damaged, or it is no calibration cache of TensorRT.',
      details: { file, line },
    });
  const [head = '', ...lines] = text.split(/\r?\n/);
  const [, number, algorithm] = /^TRT-(\d{4,6})-(\w+)$/.exec(head) ?? [];
  if (number === undefined || algorithm === undefined) {
    throw invalid(1, `expected a header such as TRT-8601-${writtenAlgorithm} but received ${JSON.stringify(head.slice(0, 60))}`);
  }
  const ranges = new Map<string, ValueRange>();
  lines.forEach((line, i) => {
    if (line === '') return;
    // Names may hold colons and spaces.
    const [, name, bits] = /^(.+): ([0-9a-f]{1,8})$/i.exec(line) ?? [];
    if (name === undefined || bits === undefined) {
      throw invalid(i + 2, `expected a name, a colon and the bits of a scale but received ${JSON.stringify(line.slice(0, 60))}`);
    }
    const scale = floatOf(Number.parseInt(bits, 16));
    if (!Number.isFinite(scale) || scale < 0)
      throw invalid(i + 2, `${bits} are not the bits of a scale, they are those of ${scale}`);
    if (ranges.has(name)) throw invalid(i + 2, `${JSON.stringify(name)} stands there a second time`);
    ranges.set(name, { min: -levels * scale, max: levels * scale });
  });
  return { version: versionText(Number(number)), algorithm, ranges };
}

/** As NV_TENSORRT_VERSION counts: up to version 9 with one digit for the minor version, from 10 on with two. */
function versionNumber(version: string): number {
  const [, ...parts] = /^(\d+)\.(\d+)\.(\d+)(?:\.\d+)?$/.exec(version) ?? [];
  const [major = 0, minor = 0, patch = 0] = parts.map(Number);
  const isKnown = parts.length === 3 && (major === 8 || major === 10) && minor <= (major < 10 ? 9 : 99) && patch <= 99;
  if (!isKnown) throw invalidArgument('version', "a version of TensorRT 8 or 10, such as '8.6.1' or '10.14.1'", version);
  return major < 10 ? major * 1000 + minor * 100 + patch : major * 10_000 + minor * 100 + patch;
}

function versionText(number: number): string {
  const major = Math.floor(number / (number < 10_000 ? 1000 : 10_000));
  return `${major}.${Math.floor((number % (number < 10_000 ? 1000 : 10_000)) / 100)}.${number % 100}`;
}

const view = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  view.setFloat32(0, value);
  return view.getUint32(0);
}

function floatOf(bits: number): number {
  view.setUint32(0, bits);
  return view.getFloat32(0);
}
