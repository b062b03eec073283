/** How a model reacts to pictures, told without labels: whether what it says makes sense. */
import { FoveateError } from '../errors/index.js';
import { Picture, type RawFrame } from '../image/index.js';
import type { Box, Detections } from '../results/index.js';
import { Classifier, Detector, type Task } from '../tasks/index.js';
import { settleAll } from './settle-all.js';

/** Two of one kind can be compared picture by picture. */
export interface Reaction {
  readonly kind: 'entropy' | 'consistency';
  /** Of each picture; higher is better, so entropies are negative. */
  readonly values: readonly number[];
  /** Whether it may be that of a model with the right input: not the same answer to every picture, and answers at all. */
  readonly plausible: boolean;
}

/** Nats: answers that are surer by less may be so by chance. */
const entropyMargin = 0.15;
/** Of the entropy. */
const clearEntropy = 0.65;
/** Of the objects that are found again in the mirror image. */
const clearConsistency = 0.4;
/** Of the pictures, in which the better one is better. */
const repeated = 0.75;
/** Of fewer pictures, any reaction may be chance. */
const fewestPaths = 4;
/** Objects that overlap more are the same. */
const sameIou = 0.5;

/**
 * How the model reacts to these pictures. Of a classifier, how sure it is of different answers; of a detector, whether it finds the same in a picture and in
 * its mirror image: both are lost where the input is not what it was trained on. Undefined for other tasks, for a few pictures, and where it gives no numbers at all.
 */
export async function reactionOf(
  task: Task,
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<Reaction | undefined> {
  if (paths.length < fewestPaths) return undefined;
  try {
    if (task instanceof Classifier) return await certainty(task, paths, signal);
    if (task instanceof Detector) return await consistency(task, paths, signal);
    return undefined;
  } catch (error) {
    if (error instanceof FoveateError && error.code === 'ENGINE_FAILED') return undefined;
    throw error;
  }
}

/** Whether `other` is better beyond doubt: by a clear margin, and in nearly every picture. */
export function isClearlyBetter(other: Reaction, given: Reaction): boolean {
  if (!other.plausible || shareBetter(other, given) < repeated) return false;
  const [now, then] = [mean(given.values), mean(other.values)];
  if (given.kind === 'consistency') return then > now + clearConsistency;
  return then > now * clearEntropy && then > now + entropyMargin;
}

/** In what `other` is better. */
export function contrastWords(other: Reaction, given: Reaction): string {
  const [now, then] = [mean(given.values), mean(other.values)];
  if (given.kind === 'entropy') {
    return `its answers are surer, with an entropy of ${(-then).toFixed(2)} nats instead of ${(-now).toFixed(2)}`;
  }
  const percent = (part: number): string => `${Math.round(part * 100)} %`;
  return `it finds ${percent(then)} of the objects again in the mirror images of the pictures, instead of ${percent(now)}`;
}

/** Whether `other` is better at all. */
export function isBetter(other: Reaction, given: Reaction): boolean {
  return other.plausible && shareBetter(other, given) >= 0.5 && mean(other.values) > mean(given.values);
}

function shareBetter(other: Reaction, given: Reaction): number {
  return mean(other.values.map((value, i) => (value > (given.values[i] as number) ? 1 : 0)));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

async function certainty(task: Classifier, paths: readonly string[], signal: AbortSignal | undefined): Promise<Reaction> {
  const classes = task.labels.length;
  const all = new Float64Array(classes);
  const entropies: number[] = [];
  for (const path of paths) {
    const { classIds, scores } = await task.classify(path, { topK: classes, signal });
    entropies.push(entropyOf(scores));
    classIds.forEach((id, rank) => (all[id] = (all[id] as number) + (scores[rank] as number) / paths.length));
  }
  const entropy = mean(entropies);
  // What tells the pictures apart, in nats: a model that gives the same answer to every picture is as sure as can be, and 0 here.
  const information = entropyOf(all) - entropy;
  return {
    kind: 'entropy',
    values: entropies.map((value) => -value),
    plausible: information > Math.log(Math.min(paths.length, classes)) / 2,
  };
}

function entropyOf(scores: Float32Array | Float64Array): number {
  let entropy = 0;
  for (const score of scores) if (score > 0) entropy -= score * Math.log(score);
  return entropy;
}

async function consistency(task: Detector, paths: readonly string[], signal: AbortSignal | undefined): Promise<Reaction> {
  const values: number[] = [];
  let objects = 0;
  for (const path of paths) {
    using picture = await Picture.read(path, { signal });
    // Both at once, so that one is made ready while the other runs.
    const mirrored = task.detect(mirrorOf(picture), { signal });
    const [found, again] = await settleAll([task.detect(picture, { signal }), mirrored]);
    const count = found.length + again.length;
    values.push(count === 0 ? 0 : (2 * foundAgain(found, again)) / count);
    objects += found.length;
  }
  return { kind: 'consistency', values, plausible: objects * 2 >= paths.length };
}

function mirrorOf({ data, width, height }: Picture): RawFrame {
  const mirrored = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3;
      const to = (y * width + width - 1 - x) * 3;
      mirrored[to] = data[from] as number;
      mirrored[to + 1] = data[from + 1] as number;
      mirrored[to + 2] = data[from + 2] as number;
    }
  }
  return { data: mirrored, width, height, format: 'rgb' };
}

/** How many objects are in the mirror image too: of the same class, in the mirrored place. */
function foundAgain(found: Detections, mirrored: Detections): number {
  const left = [...mirrored];
  let count = 0;
  for (const { classId, box } of found) {
    const [x1, y1, x2, y2] = box;
    const wanted: Box = [found.width - x2, y1, found.width - x1, y2];
    const at = left.findIndex((other) => other.classId === classId && overlap(other.box, wanted) > sameIou);
    if (at === -1) continue;
    left.splice(at, 1);
    count++;
  }
  return count;
}

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / (areaOf(a) + areaOf(b) - width * height);
}

function areaOf([x1, y1, x2, y2]: Box): number {
  return (x2 - x1) * (y2 - y1);
}
