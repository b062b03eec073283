/** The pixels of one object, within its box: what is beyond is not the object's. Free to keep. */
export interface InstanceMask {
  /** Where the mask's first pixel lies in the picture. */
  readonly x: number;
  readonly y: number;
  /** Of the mask, in pixels. */
  readonly width: number;
  readonly height: number;
  /** height * width bytes, row by row: 1 where the object is, else 0. */
  readonly data: Uint8Array;
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
