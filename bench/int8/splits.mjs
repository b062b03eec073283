/** Which pictures calibrate and which evaluate, the same for every tool: written to lists, a path a line. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const folds = [0, 1];
/** So many pictures calibrate. */
export const calibrationCount = 48;

/** All pictures that serve a model, in a fixed order: paths within the shared folder, so that what is kept serves wherever that lies. */
export function picturesOf(shared, { pictures }) {
  const inFolder = (name) =>
    readdirSync(join(shared, 'images', name))
      .filter((file) => /\.jpe?g$/i.test(file))
      .sort()
      .map((file) => `images/${name}/${file}`);
  const classes = inFolder('imagenet');
  return pictures === 'classes' ? classes : [...classes, ...inFolder('scenes')];
}

/** The class that a picture of ImageNet shows, which its name begins with. */
export function classOf(path) {
  return Number(/(\d{4})_n\d+_[^/]*$/.exec(path)?.[1] ?? NaN);
}

/** The generator "mulberry32": numbers from 0 to 1, the same on every machine. */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The same values in another order. */
export function shuffled(values, random) {
  const result = [...values];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

/**
 * Two halves, each with half of the scenes: fold 0 calibrates on the first and evaluates on the second, fold 1 the other way around. Of a half, all
 * scenes calibrate, as far as there are, and pictures of ImageNet up to 48: those alone show few objects.
 */
export function split(pictures, seed, fold) {
  const random = randomNumbers(seed * 2 + 1);
  const halves = [[], []];
  for (const isClass of [false, true]) {
    const part = shuffled(
      pictures.filter((path) => Number.isFinite(classOf(path)) === isClass),
      random,
    );
    // The odd one goes to the first half of even seeds.
    const middle = (part.length + ((seed + 1) % 2)) >> 1;
    halves[0].push(...part.slice(0, middle));
    halves[1].push(...part.slice(middle));
  }
  const calibration = shuffled(halves[fold].slice(0, calibrationCount), randomNumbers(seed * 2 + 2));
  return { calibration, evaluation: [...halves[1 - fold]].sort() };
}

/** Writes the lists of a fold, where they are not there, and reads them: what was run on stays what is reported. */
export function listsOf(work, shared, model, seed, fold) {
  const folder = join(work, 'lists', model.pictures);
  mkdirSync(folder, { recursive: true });
  const file = (name) => join(folder, `${seed}.${fold}.${name}.txt`);
  const made = split(picturesOf(shared, model), seed, fold);
  const read = (name) => {
    try {
      return readFileSync(file(name), 'utf8').trim().split('\n');
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
      writeFileSync(file(name), `${made[name].join('\n')}\n`);
      return made[name];
    }
  };
  return { calibration: read('calibration'), evaluation: read('evaluation'), calibrationFile: file('calibration') };
}
