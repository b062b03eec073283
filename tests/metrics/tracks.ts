/** Sequences of tracked objects out of a small generator, step by step that of tests/reference/metrics/tracks.py. */
import type { TrackedObjects } from '../../lib/metrics/index.js';

/** frame, id, x, y, width, height, confidence, class. */
export type TrackRow = readonly number[];

const defaults = {
  frames: 12,
  objects: 5,
  area: 200,
  size: 40,
  least: 10,
  unit: 0.25,
  speed: 2,
  jitter: 3,
  gone: 10,
  missed: 15,
  switched: 5,
  marked: 0,
  ghosts: 2,
  blank: 0,
  classes: [1] as readonly number[],
};

export type SequenceParameters = Partial<typeof defaults> & { readonly seed: number };

class Lcg {
  #state: number;

  constructor(seed: number) {
    this.#state = seed;
  }

  below(n: number): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor(((this.#state >>> 8) * n) / 2 ** 24);
  }

  around(n: number): number {
    return this.below(2 * n + 1) - n;
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
}

export function sequenceRows(given: SequenceParameters): { truth: TrackRow[]; found: TrackRow[] } {
  const p = { ...defaults, ...given };
  const random = new Lcg(p.seed);
  const objects = Array.from({ length: p.objects }, () => {
    const [x, y] = [random.below(p.area), random.below(p.area)];
    const [width, height] = [p.least + random.below(p.size), p.least + random.below(p.size)];
    const [across, down] = [random.around(p.speed), random.around(p.speed)];
    return { x, y, width, height, across, down, classId: p.classes[random.below(p.classes.length)]! };
  });
  const ids = objects.map((_, k) => 100 + k);
  let fresh = 1000;
  const truth: TrackRow[] = [];
  const found: TrackRow[] = [];
  for (let frame = 1; frame <= p.frames; frame++) {
    for (let k = 0; k < ids.length; k++) {
      if (!random.chance(p.switched)) continue;
      if (random.chance(50)) {
        ids[k] = fresh++;
      } else {
        const other = random.below(ids.length);
        [ids[k], ids[other]] = [ids[other]!, ids[k]!];
      }
    }
    const blank = random.below(100);
    const hasTruth = blank >= p.blank;
    const hasFound = !(blank >= p.blank && blank < 2 * p.blank);
    const truthRows: TrackRow[] = [];
    const foundRows: TrackRow[] = [];
    const ghosts: TrackRow[] = [];
    const start = random.below(objects.length);
    for (let step = 0; step < objects.length; step++) {
      const k = (start + step) % objects.length;
      const object = objects[k]!;
      object.x += object.across;
      object.y += object.down;
      if (random.chance(p.gone)) continue;
      const sides = [object.x, object.y, object.width, object.height];
      const mark = random.chance(p.marked) ? 0 : 1;
      truthRows.push([frame, 3 * k + 1, ...sides.map((value) => value * p.unit), mark, object.classId]);
      if (random.chance(p.missed)) continue;
      const [x, y, width, height] = sides.map((value) => value + random.around(p.jitter)) as [number, number, number, number];
      const box = [x, y, Math.max(width, 1), Math.max(height, 1)];
      foundRows.push([frame, ids[k]!, ...box.map((value) => value * p.unit), 1, 1]);
    }
    const ghostCount = random.below(p.ghosts + 1);
    for (let g = 0; g < ghostCount; g++) {
      const object = objects[random.below(objects.length)]!;
      const [x, y] = [object.x + random.around(2 * p.jitter), object.y + random.around(2 * p.jitter)];
      const box = [x, y, object.width, object.height];
      ghosts.push([frame, 5000 + g, ...box.map((value) => value * p.unit), 1, 1]);
    }
    if (hasTruth) truth.push(...truthRows);
    if (hasFound) found.push(...(random.chance(50) ? [...ghosts, ...foundRows] : [...foundRows, ...ghosts]));
  }
  return { truth, found };
}

export function trackedObjects(rows: readonly TrackRow[]): TrackedObjects {
  return {
    frames: Int32Array.from(rows, (row) => row[0]!),
    ids: Int32Array.from(rows, (row) => row[1]!),
    boxes: Float64Array.from(rows.flatMap((row) => row.slice(2, 6))),
    confidences: Float64Array.from(rows, (row) => row[6]!),
    classes: Int32Array.from(rows, (row) => row[7]!),
  };
}
