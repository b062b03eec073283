/** The worst of what a detector found, for people to look at. */
import type { AnnotationBox, Category } from '../dataset/index.js';
import type { MatchedObjects } from './detected-objects.js';
import type { EvaluationExample, ExampleBox } from './evaluation-result.js';

/** Of each kind. */
const examplesShown = 12;
/** From so much overlap on a box is meant for that object. */
const meantOverlap = 0.1;
const matchedOverlap = 0.5;

/** What was found with the highest scores and is wrong, and the largest objects that were missed. */
export function detectionExamples(
  matched: MatchedObjects<'box'>,
  categories: readonly Category[],
  leastScore: number,
): EvaluationExample[] {
  const { truth, found, pictures, metrics } = matched;
  const { truths, ignored } = metrics.matches;
  const truthsOf = placesByPicture(truth.images, pictures.length);
  const labelOf = (category: number | undefined): string => categories[category ?? -1]?.name ?? '';
  const truthBox = (i: number): ExampleBox => ({
    box: cornersAt(truth.boxes, i),
    role: 'truth',
    label: labelOf(truth.categories[i]),
  });
  const foundBox = (i: number): ExampleBox => ({
    box: cornersAt(found.boxes, i),
    role: 'found',
    label: labelOf(found.categories[i]),
  });
  const pictureOf = (place: number): Pick<EvaluationExample, 'image' | 'path'> => {
    const { name, path } = (pictures[place] as (typeof pictures)[number]).image;
    return { image: name, path };
  };
  const taken = new Set<number>();
  found.scores.forEach((score, i) => {
    if (score >= leastScore) taken.add(truths[i] as number);
  });
  const wrong = [...found.scores.keys()]
    .filter((i) => (found.scores[i] as number) >= leastScore && truths[i] === -1 && ignored[i] === 0)
    .sort((left, right) => (found.scores[right] as number) - (found.scores[left] as number));
  const examples: EvaluationExample[] = [];
  for (const i of wrong) {
    const place = found.images[i] as number;
    const { nearest, overlap } = nearestTruth(truth.boxes, truthsOf[place] as readonly number[], boxAt(found.boxes, i));
    const isSameClass = truth.categories[nearest] === found.categories[i];
    const kind = kindOf(overlap, isSameClass);
    const isSecond = isSameClass && overlap >= matchedOverlap;
    if (examples.filter((example) => example.kind === kind).length === examplesShown) continue;
    const label = labelOf(found.categories[i]);
    const caption = {
      'false-positive': isSecond ? `${label}, found a second time` : `${label}, where nothing is`,
      'low-iou': `${label}, off: IoU ${overlap.toFixed(2)}`,
      'wrong-class': `${labelOf(truth.categories[nearest])}, taken for ${label}`,
    }[kind];
    const boxes = kind === 'false-positive' && !isSecond ? [foundBox(i)] : [truthBox(nearest), foundBox(i)];
    examples.push({ ...pictureOf(place), kind, caption, score: found.scores[i] as number, boxes });
  }
  const areaOf = (i: number): number => (truth.boxes[i * 4 + 2] as number) * (truth.boxes[i * 4 + 3] as number);
  const missed = [...truth.images.keys()]
    .filter((i) => !taken.has(i) && truth.crowd?.[i] !== 1 && truth.ignored?.[i] !== 1)
    .sort((left, right) => areaOf(right) - areaOf(left))
    .slice(0, examplesShown)
    .map((i): EvaluationExample => {
      const boxes = [truthBox(i)];
      return {
        ...pictureOf(truth.images[i] as number),
        kind: 'false-negative',
        caption: `${labelOf(truth.categories[i])}, missed`,
        boxes,
      };
    });
  return [...examples, ...missed];
}

function kindOf(overlap: number, isSameClass: boolean): 'false-positive' | 'low-iou' | 'wrong-class' {
  if (!isSameClass && overlap >= matchedOverlap) return 'wrong-class';
  // What overlaps enough and is no match found an object a second time.
  return isSameClass && overlap >= meantOverlap && overlap < matchedOverlap ? 'low-iou' : 'false-positive';
}

function placesByPicture(images: Int32Array, pictures: number): number[][] {
  const places: number[][] = Array.from({ length: pictures }, () => []);
  images.forEach((image, i) => (places[image] as number[]).push(i));
  return places;
}

function nearestTruth(
  boxes: Float64Array,
  candidates: readonly number[],
  box: AnnotationBox,
): { nearest: number; overlap: number } {
  let best = { nearest: -1, overlap: 0 };
  for (const nearest of candidates) {
    const overlap = intersectionOverUnion(boxAt(boxes, nearest), box);
    if (overlap > best.overlap) best = { nearest, overlap };
  }
  return best;
}

function boxAt(boxes: Float64Array, i: number): AnnotationBox {
  return boxes.subarray(i * 4, i * 4 + 4) as unknown as AnnotationBox;
}

function cornersAt(boxes: Float64Array, i: number): ExampleBox['box'] {
  const [x, y, width, height] = boxAt(boxes, i);
  return [x, y, x + width, y + height];
}

function intersectionOverUnion(a: AnnotationBox, b: AnnotationBox): number {
  const width = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (a[2] * a[3] + b[2] * b[3] - both);
}
