import type { LeaseHandle } from '../binding/index.js';

/**
 * The pixels of one object, within its box: what is beyond is not the object's. Free to keep; the masks of one picture share their memory, so copy
 * `data` of one that is to outlive the others by far.
 */
export class InstanceMask {
  /** Where the mask's first pixel lies in the picture. */
  readonly x: number;
  readonly y: number;
  /** Of the mask, in pixels. */
  readonly width: number;
  readonly height: number;
  /** height * width bytes, row by row: 1 where the object is, else 0. */
  readonly data: Uint8Array;
  readonly #lease: LeaseHandle | undefined;

  /** @internal `lease`: of the native memory that the data lies in, which is then drawn from in place. */
  constructor(
    area: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
    data: Uint8Array,
    lease: LeaseHandle | undefined,
  ) {
    this.x = area.x;
    this.y = area.y;
    this.width = area.width;
    this.height = area.height;
    this.data = data;
    this.#lease = lease;
  }

  /** @internal */
  get leaseHandle(): LeaseHandle | undefined {
    return this.#lease;
  }

  /** @internal The same mask elsewhere. */
  movedBy(x: number, y: number): InstanceMask {
    const { width, height } = this;
    return new InstanceMask({ x: this.x + x, y: this.y + y, width, height }, this.data, this.#lease);
  }
}

/** COCO's run-length encoding, uncompressed: pixels of the whole picture column by column, lengths of runs of 0 and 1 in turn. */
export interface RunLengthMask {
  readonly size: readonly [height: number, width: number];
  readonly counts: readonly number[];
}

/** A mask as data for JSON; pycocotools' `frPyObjects` reads it. */
export function runLengthMask(mask: InstanceMask, picture: { readonly width: number; readonly height: number }): RunLengthMask {
  const { width, height, data } = mask;
  const pixels = picture.width * picture.height;
  const counts: number[] = [];
  let value = 0;
  /** Where the run began. */
  let start = 0;
  for (let x = 0; x < width; x++) {
    let at = (mask.x + x) * picture.height + mask.y;
    // Without a call for each pixel: masks have millions of them.
    for (let i = x; i < data.length; i += width) {
      if (data[i] !== value) {
        counts.push(at - start);
        start = at;
        value = 1 - value;
      }
      at++;
    }
    // Only where it is as high as the picture does one column go on in the next.
    if (value === 1 && (height < picture.height || x === width - 1) && at < pixels) {
      counts.push(at - start);
      start = at;
      value = 0;
    }
  }
  counts.push(pixels - start);
  return { size: [picture.height, picture.width], counts };
}
