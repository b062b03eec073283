import type { RunLengthEncoding, SourcePlace } from './dataset.js';
import { checkAtLeast } from './field-checks.js';
import { describeValue } from '../errors/index.js';
import { invalidAt, unexpected, within } from './source-place.js';

/**
 * Checks COCO's run-length encoding: its runs fill the picture. `size` is height and width of the picture, where they are known.
 * Throws DATASET_INVALID.
 */
export function checkRunLength(
  { size, counts }: Readonly<Record<string, unknown>>,
  picture: readonly [number, number] | undefined,
  place: SourcePlace,
): RunLengthEncoding {
  const sizePlace = within(place, 'size');
  if (!Array.isArray(size) || size.length !== 2) throw unexpected(sizePlace, 'height and width', size);
  const height = checkAtLeast(size[0], 0, sizePlace, '[0]');
  const width = checkAtLeast(size[1], 0, sizePlace, '[1]');
  if (picture !== undefined && (height !== picture[0] || width !== picture[1])) {
    throw unexpected(sizePlace, `height and width of the picture, [${picture.join(', ')}],`, size);
  }
  const countsPlace = within(place, 'counts');
  const runs = typeof counts === 'string' ? decodeRuns(counts, countsPlace) : counts;
  if (!Array.isArray(runs)) throw unexpected(countsPlace, 'a list of runs or their compressed text', counts);
  const sum = runs.reduce<number>((total, run, i) => total + checkRun(run, within(countsPlace, `[${i}]`)), 0);
  if (sum !== height * width) {
    throw invalidAt(
      countsPlace,
      `expected runs of ${height * width} pixels in all, for ${height} x ${width}, but they are of ${sum}`,
    );
  }
  return { size: [height, width], counts: counts as readonly number[] | string };
}

function checkRun(run: unknown, place: SourcePlace): number {
  if (!Number.isSafeInteger(run) || (run as number) < 0) throw unexpected(place, 'an integer of at least 0', run);
  return run as number;
}

/**
 * The runs of COCO's compressed text: each character holds five bits of a number, lowest first, and whether more follow; from the fourth run on,
 * numbers are the difference to the run before the last.
 */
export function decodeRuns(text: string, place: SourcePlace): number[] {
  const runs: number[] = [];
  for (let at = 0; at < text.length;) {
    let value = 0;
    let shift = 0;
    for (let more = true; more; shift += 5) {
      const code = text.charCodeAt(at) - 48;
      if (at >= text.length) throw damaged(text, 'it ends within a run', place);
      if (!(code >= 0 && code < 64) || shift > 30) throw damaged(text, `of ${describeValue(text.charAt(at))} at ${at}`, place);
      value += (code & 31) * 2 ** shift;
      more = (code & 32) !== 0;
      at++;
      if (!more && (code & 16) !== 0) value -= 2 ** (shift + 5);
    }
    if (runs.length > 2) value += runs[runs.length - 2] as number;
    runs.push(value);
  }
  return runs;
}

function damaged(text: string, why: string, place: SourcePlace): Error {
  return invalidAt(place, `${describeValue(text)} is no compressed run-length encoding: ${why}`);
}
