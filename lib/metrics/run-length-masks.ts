import type { RunLengthEncoding } from '../dataset/index.js';
import { native, settle } from '../binding/index.js';
import { ArgumentError, checkSignal, invalidArgument } from '../errors/index.js';

/**
 * Masks of many objects in little memory: COCO's compressed texts, one after the other. What takes `readonly RunLengthEncoding[]` takes these
 * too.
 */
export class RunLengthMasks {
  /** Height and width of each, in pixels. */
  readonly sizes: Int32Array;
  /** ASCII. */
  readonly text: Uint8Array;
  /** Where each ends in {@link text}. */
  readonly ends: Uint32Array;

  /** @internal */
  constructor(sizes: Int32Array, text: Uint8Array, ends: Uint32Array) {
    this.sizes = sizes;
    this.text = text;
    this.ends = ends;
  }

  /** Throws INVALID_ARGUMENT for what is no encoding. Whether its runs fit its size shows when it is evaluated. */
  static from(masks: readonly RunLengthEncoding[]): RunLengthMasks {
    const sizes = new Int32Array(masks.length * 2);
    const ends = new Uint32Array(masks.length);
    const texts: Buffer[] = [];
    let end = 0;
    masks.forEach((mask, i) => {
      const name = `masks[${i}]`;
      const size: readonly unknown[] = mask?.size;
      if (!Array.isArray(size) || size.length !== 2 || !size.every((side) => isInt32(side) && side >= 1)) {
        throw invalidArgument(`${name}.size`, 'height and width in pixels', size);
      }
      sizes.set(mask.size, 2 * i);
      const text = Buffer.from(typeof mask.counts === 'string' ? mask.counts : compressedText(mask.counts, name));
      texts.push(text);
      end += text.length;
      ends[i] = end;
    });
    if (end > 0xffffffff) throw new ArgumentError('INVALID_ARGUMENT', { message: 'The masks have more than 4 GiB' });
    return new RunLengthMasks(sizes, Buffer.concat(texts, end), ends);
  }

  get length(): number {
    return this.ends.length;
  }

  /** Throws INVALID_ARGUMENT. */
  at(i: number): RunLengthEncoding {
    const end = this.ends[i];
    if (end === undefined) throw invalidArgument('i', `an integer from 0 to ${this.length - 1}`, i);
    const bytes = this.text.subarray(this.ends[i - 1] ?? 0, end);
    const counts = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    return { size: [this.sizes[2 * i] as number, this.sizes[2 * i + 1] as number], counts };
  }
}

/** Others would become another number in an Int32Array. How long a side may be, the core tells. */
function isInt32(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
}

/** COCO's text of lengths: from the fourth on less the one two before, in groups of five bits, the lowest first. */
function compressedText(counts: readonly number[], name: string): string {
  if (!Array.isArray(counts)) throw invalidArgument(`${name}.counts`, 'lengths of runs, or their compressed text', counts);
  let text = '';
  counts.forEach((count: number, i) => {
    if (!Number.isInteger(count) || count < 0 || count > 0xffffffff) {
      throw invalidArgument(`${name}.counts[${i}]`, 'a number of pixels', count);
    }
    let rest = i > 2 ? count - (counts[i - 2] as number) : count;
    let more = true;
    while (more) {
      // Not with bitwise operators: a difference has up to 33 bits.
      const group = ((rest % 32) + 32) % 32;
      rest = Math.floor(rest / 32);
      more = group & 16 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(48 + group + (more ? 32 : 0));
    }
  });
  return text;
}

/** What is to be made a mask: polygons, x, y, x, y and so on in pixels, whose union is the object, in a picture of that size. */
export interface PolygonObject {
  readonly polygons: readonly (readonly number[])[];
  readonly height: number;
  readonly width: number;
}

/**
 * Masks of polygons, to the pixel as COCO's mask API makes them: edges on a grid five times as fine, filled by even and odd. Rejects with
 * INVALID_ARGUMENT; DATASET_INVALID for a polygon of less than three points, or with points that are no number or beyond a million pixels; ABORTED.
 */
export async function rasterizePolygons(
  objects: readonly PolygonObject[],
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<RunLengthMasks> {
  checkSignal(options.signal);
  objects.forEach(({ height, width }, i) => {
    if (isInt32(height) && isInt32(width)) return;
    throw invalidArgument(`objects[${i}]`, 'a height and width in pixels', `${height} and ${width}`);
  });
  const polygons = objects.flatMap((object) => object.polygons);
  const points = new Float64Array(polygons.reduce((sum, polygon) => sum + polygon.length, 0));
  const polygonEnds = new Uint32Array(polygons.length);
  let end = 0;
  polygons.forEach((polygon, i) => {
    points.set(polygon, end);
    polygonEnds[i] = end += polygon.length;
  });
  let last = 0;
  const objectEnds = Uint32Array.from(objects, (object) => (last += object.polygons.length));
  const sizes = Int32Array.from(objects.flatMap(({ height, width }) => [height, width]));
  const masks = await settle(
    (operation) => native().polygonsRasterize(points, polygonEnds, objectEnds, sizes, operation),
    options.signal,
  );
  return new RunLengthMasks(masks.maskSizes, masks.maskText, masks.maskEnds);
}
