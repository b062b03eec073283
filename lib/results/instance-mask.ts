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
  const counts: number[] = [];
  let value = 0;
  let run = 0;
  const put = (pixel: number, times: number): void => {
    if (times === 0) return;
    if (pixel !== value) {
      counts.push(run);
      run = 0;
      value = pixel;
    }
    run += times;
  };
  const below = picture.height - mask.y - mask.height;
  put(0, mask.x * picture.height);
  for (let x = 0; x < mask.width; x++) {
    put(0, mask.y);
    for (let i = x; i < mask.data.length; i += mask.width) put(mask.data[i] as number, 1);
    put(0, below);
  }
  put(0, (picture.width - mask.x - mask.width) * picture.height);
  counts.push(run);
  return { size: [picture.height, picture.width], counts };
}
