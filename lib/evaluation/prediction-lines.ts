/** Predictions as lines of JSON: numbers as they were, each picture on its own line. */
import type { LabelMap, RunLengthEncoding } from '../dataset/index.js';
import type { FoundClasses, FoundObjectList, Prediction } from './predictions.js';

/** Of a 32-bit number, which so many digits tell exactly. */
const digits = 9;

const short = (value: number): number => Number(Math.fround(value).toPrecision(digits));

export function predictionLine({ image, ms, found }: Prediction): string {
  const time = ms === undefined ? {} : { ms: Number(ms.toFixed(3)) };
  return `${JSON.stringify({ image, ...time, ...asJson(found) })}\n`;
}

function asJson(found: Prediction['found']): object {
  if ('error' in found) return found;
  // In binary: a thousand scores of fifty thousand pictures would be a gigabyte of digits.
  if ('classScores' in found) return { scores: Buffer.from(Float32Array.from(found.classScores).buffer).toString('base64') };
  if ('classIds' in found) {
    const { boxes, scores, classIds, masks, keypoints } = found;
    return {
      objects: {
        boxes: Array.from(boxes, short),
        scores: Array.from(scores, short),
        classes: Array.from(classIds),
        ...(masks && { masks }),
        ...(keypoints && { keypoints: Array.from(keypoints, short) }),
      },
    };
  }
  return { map: { width: found.width, height: found.height, runs: runsOf(found.data) } };
}

/** Class and length of each run, row by row. */
function runsOf(data: Uint8Array): number[] {
  const runs: number[] = [];
  for (let start = 0; start < data.length;) {
    let end = start + 1;
    while (end < data.length && data[end] === data[start]) end++;
    runs.push(data[start] as number, end - start);
    start = end;
  }
  return runs;
}

/** The prediction of a line, or what is wrong with it, and where in the line. */
export function parsePrediction(
  value: unknown,
  task: string,
  classes: number,
): Prediction | { readonly wrong: string; readonly field: string } {
  const line = value as {
    image?: unknown;
    ms?: unknown;
    error?: unknown;
    scores?: unknown;
    objects?: unknown;
    map?: unknown;
  } | null;
  if (typeof line !== 'object' || line === null || Array.isArray(line)) return { wrong: 'is no object', field: '' };
  const { image, ms, error } = line;
  if (typeof image !== 'string' || image === '') return { wrong: 'is no name of a picture', field: 'image' };
  const time = typeof ms === 'number' ? ms : undefined;
  if (error !== undefined) {
    const { code, message } = (error ?? {}) as Record<string, unknown>;
    if (typeof code !== 'string' || typeof message !== 'string') return { wrong: 'has no code and message', field: 'error' };
    return { image, ms: time, found: { error: { code, message } } };
  }
  const found =
    task === 'classify'
      ? parseScores(line.scores, classes)
      : task === 'detect'
        ? parseObjects(line.objects, classes)
        : parseMap(line.map, classes);
  return 'wrong' in found ? found : { image, ms: time, found };
}

/** No picture has more, and one that a line makes up must not take all memory. */
const mostPixels = 2 ** 31;

type Wrong = { readonly wrong: string; readonly field: string };

function parseScores(text: unknown, classes: number): FoundClasses | Wrong {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  if (bytes.byteLength !== classes * 4) return { wrong: `does not hold ${classes} scores`, field: 'scores' };
  const classScores = new Float32Array(classes);
  for (let i = 0; i < classes; i++) classScores[i] = bytes.readFloatLE(i * 4);
  if (classScores.some(Number.isNaN)) return { wrong: 'holds scores that are no numbers', field: 'scores' };
  return { classScores };
}

function parseObjects(value: unknown, classes: number): FoundObjectList | Wrong {
  const { boxes, scores, classes: ids, masks, keypoints } = (value ?? {}) as Record<string, unknown>;
  if (!isNumbers(scores)) return { wrong: 'is no list of numbers', field: 'objects.scores' };
  const count = scores.length;
  if (!isNumbers(boxes) || boxes.length !== count * 4)
    return { wrong: `is no list of ${count * 4} numbers`, field: 'objects.boxes' };
  if (!isNumbers(ids) || ids.length !== count || ids.some((id) => !isIndex(id, classes)))
    return { wrong: `is no list of ${count} classes below ${classes}`, field: 'objects.classes' };
  if (masks !== undefined && (!Array.isArray(masks) || masks.length !== count || !masks.every(isRunLength)))
    return { wrong: `is no list of ${count} masks`, field: 'objects.masks' };
  if (keypoints !== undefined && (!isNumbers(keypoints) || (count > 0 && keypoints.length % (count * 3) !== 0)))
    return { wrong: `does not hold x, y, score of as many keypoints for each of ${count} objects`, field: 'objects.keypoints' };
  return {
    boxes: Float64Array.from(boxes, Math.fround),
    scores: Float64Array.from(scores, Math.fround),
    classIds: Int32Array.from(ids),
    ...(masks !== undefined && { masks: masks as RunLengthEncoding[] }),
    ...(keypoints !== undefined && { keypoints: Float64Array.from(keypoints as number[], Math.fround) }),
  };
}

function parseMap(value: unknown, classes: number): LabelMap | Wrong {
  const { width, height, runs } = (value ?? {}) as Record<string, unknown>;
  if (!isIndex(width, 2 ** 20) || !isIndex(height, 2 ** 20)) return { wrong: 'is no size in pixels', field: 'map.width' };
  if (!isNumbers(runs) || runs.length % 2 !== 0) return { wrong: 'is no list of runs', field: 'map.runs' };
  const pixels = width * height;
  let covered = 0;
  for (let i = 0; i < runs.length; i += 2) {
    const [id, length] = [runs[i] as number, runs[i + 1] as number];
    if (!isIndex(id, classes) || !isIndex(length, pixels - covered + 1))
      return { wrong: `holds a run that cannot be: ${id}, ${length}`, field: `map.runs[${i}]` };
    covered += length;
  }
  if (covered !== pixels) return { wrong: `covers ${covered} of ${pixels} pixels`, field: 'map.runs' };
  if (pixels > mostPixels) return { wrong: `is larger than ${mostPixels} pixels`, field: 'map.width' };
  const data = new Uint8Array(pixels);
  for (let i = 0, at = 0; i < runs.length; i += 2) data.fill(runs[i] as number, at, (at += runs[i + 1] as number));
  return { data, width, height };
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((element) => typeof element === 'number' && Number.isFinite(Math.fround(element)));
}

function isIndex(value: unknown, end: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < end;
}

function isRunLength(value: unknown): value is RunLengthEncoding {
  const { size, counts } = (value ?? {}) as Record<string, unknown>;
  return isNumbers(size) && size.length === 2 && (typeof counts === 'string' || isNumbers(counts));
}
