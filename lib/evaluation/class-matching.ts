import type { Category } from '../dataset/index.js';
import { DatasetError } from '../errors/index.js';

/** Which class of a model is which of a data set. */
export interface ClassMatching {
  /** By the model's class id: a place in the data set's categories, or -1 where it has no such class. */
  readonly categoryOf: Int32Array;
  /** By category: the model's class id, or -1 where the model knows no such class. */
  readonly classOf: Int32Array;
  /** What a reader should know: classes of one side that the other lacks, or that they were matched by their order. */
  readonly notices: readonly string[];
}

/**
 * Matches the classes of a model with those of a data set: by their names, in whatever case and with whatever stands between words; where not one name is the
 * same, and there are as many of both, by their order.
 *
 * Throws DATASET_INVALID where neither fits.
 */
export function matchClasses(labels: readonly string[], categories: readonly Category[]): ClassMatching {
  const byName = matchedBy(labels, categories, placesByName(categories));
  if (byName.classOf.some((id) => id >= 0)) return byName;
  if (labels.length === categories.length) {
    const notice = 'No class of the model is called as one of the data set: they are taken for each other in their order.';
    const same = Int32Array.from(labels, (_, place) => place);
    return { categoryOf: same, classOf: same, notices: [notice] };
  }
  throw new DatasetError('DATASET_INVALID', {
    message: `No class of the model is one of the data set: the model has ${listed(labels)}, the data set ${listed(categories.map(({ name }) => name))}`,
    hint: "Give the names of the model's classes, as the data set spells them, in option labels.",
    details: { labels: labels.slice(0, 100), categories: categories.slice(0, 100).map(({ name }) => name) },
  });
}

function matchedBy(
  labels: readonly string[],
  categories: readonly Category[],
  places: ReadonlyMap<string, readonly number[]>,
): ClassMatching {
  const categoryOf = new Int32Array(labels.length).fill(-1);
  const classOf = new Int32Array(categories.length).fill(-1);
  labels.forEach((label, id) => {
    // Where a name stands for several classes, as two of ImageNet's are called crane, they are matched in their order.
    const place = places.get(plain(label))?.find((candidate) => classOf[candidate] === -1);
    if (place === undefined) return;
    categoryOf[id] = place;
    classOf[place] = id;
  });
  const unknown = categories.filter((_, place) => classOf[place] === -1).map(({ name }) => name);
  const others = labels.filter((_, id) => categoryOf[id] === -1);
  return {
    categoryOf,
    classOf,
    notices: [
      ...(unknown.length > 0 ? [`The model has no class for ${listed(unknown)}: all of that counts as missed.`] : []),
      ...(others.length > 0 ? [`The data set has no ${listed(others)}.`] : []),
    ],
  };
}

function placesByName(categories: readonly Category[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  categories.forEach(({ name }, place) => {
    const same = places.get(plain(name));
    if (same === undefined) places.set(plain(name), [place]);
    else same.push(place);
  });
  return places;
}

/** A name without what data sets spell differently: `traffic_light`, `Traffic Light`. */
function plain(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ')
    .trim();
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(', ');
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}
