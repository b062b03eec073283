import { ArgumentError, invalidArgument } from '../errors/index.js';

/** Objects followed through the frames of a video: one row for each object in each frame, in any order. */
export interface TrackedObjects {
  /** The frame of each row. Only which rows share a frame, and the order of frames, matters. */
  readonly frames: Int32Array;
  /** Of the track: once in a frame. */
  readonly ids: Int32Array;
  /** rows * 4: x, y, width, height of each, in pixels. */
  readonly boxes: Float64Array;
  /**
   * In truth, MOTChallenge's mark: rows whose confidence is 0, once its fraction is cut off, are not counted. Of what was found it is
   * not looked at. All count where it is left out.
   */
  readonly confidences?: Float64Array | undefined;
  /** As MOTChallenge numbers them, from 1. Looked at only where a benchmark is named. */
  readonly classes?: Int32Array | undefined;
}

const optionalMembers = ['confidences', 'classes'] as const;

/** Throws INVALID_ARGUMENT unless the arrays are of the right types and have equally many rows. */
export function checkTrackedObjects(name: string, value: unknown): TrackedObjects {
  if (value === null || typeof value !== 'object') throw invalidArgument(name, 'an object of frames, ids and boxes', value);
  const objects = value as TrackedObjects;
  checkArray(`${name}.frames`, objects.frames, Int32Array);
  const rows = objects.frames.length;
  checkArray(`${name}.ids`, objects.ids, Int32Array, rows);
  checkArray(`${name}.boxes`, objects.boxes, Float64Array, rows * 4);
  for (const member of optionalMembers) {
    if (objects[member] === undefined) continue;
    checkArray(`${name}.${member}`, objects[member], member === 'classes' ? Int32Array : Float64Array, rows);
  }
  return objects;
}

function checkArray(
  name: string,
  value: unknown,
  type: typeof Int32Array | typeof Float64Array,
  length: number | undefined = undefined,
): void {
  if (!(value instanceof type)) {
    throw invalidArgument(name, type === Int32Array ? 'an Int32Array' : 'a Float64Array', value);
  }
  if (length === undefined || value.length === length) return;
  throw new ArgumentError('INVALID_ARGUMENT', {
    message: `Expected ${length} numbers for ${name} but received ${value.length}`,
    hint: 'Each row has a frame, an id and a box of four numbers.',
    details: { name },
  });
}
