import { invalidArgument } from '../errors/index.js';
import { tensorRtFamilies, type TensorRtFamily } from './tensorrt-libraries.js';

/** Which library is wanted: `tensorrt`, `tensorrt-rtx@1.7`, `tensorrt@>=10.8`. */
export interface TensorRtRequirement {
  readonly family: TensorRtFamily;
  /** Major, minor and patch, as far as they were named. Empty: any. */
  readonly version: readonly number[];
  /** Whether what is newer fits too. */
  readonly orNewer: boolean;
}

/**
 * Reads `family` or `family@version`: a version of one to three numbers, which fits all versions that begin so, or one with `>=` before it.
 * Throws INVALID_ARGUMENT.
 */
export function parseTensorRtRequirement(text: string): TensorRtRequirement {
  const [, family, range, version] = /^([a-z-]+)(?:@(>=)?(\d+(?:\.\d+){0,2}))?$/.exec(text) ?? [];
  const known = tensorRtFamilies.find((name) => name === family);
  if (known === undefined) {
    throw invalidArgument(
      'the TensorRT library',
      `one of ${tensorRtFamilies.join(', ')}, or one of them with a version`,
      text,
      'Write a version as tensorrt@10, tensorrt-rtx@1.7 or tensorrt@>=10.8.',
    );
  }
  return { family: known, version: version === undefined ? [] : numbersOf(version), orNewer: range !== undefined };
}

/** Whether a library of this version is what is wanted. `version` may be the beginning of one, such as a file name tells: then, whether it can be. */
export function mayFit({ version: wanted, orNewer }: TensorRtRequirement, version: string): boolean {
  const parts = numbersOf(version);
  const different = wanted.findIndex((number, i) => i < parts.length && parts[i] !== number);
  return different === -1 || (orNewer && (parts[different] as number) > (wanted[different] as number));
}

/** Negative where `a` is older than `b`. */
export function compareVersions(a: string, b: string): number {
  const [ofA, ofB] = [numbersOf(a), numbersOf(b)];
  const length = Math.max(ofA.length, ofB.length);
  for (let i = 0; i < length; i++) {
    const difference = (ofA[i] ?? 0) - (ofB[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): number[] {
  return version.split('.').map(Number);
}
