interface Size {
  readonly width: number;
  readonly height: number;
}

/** Whether a map of this size has the input's aspect ratio: it is at most rounded to whole cells, half a cell on either side. */
export function hasAspectOf(input: Size, map: Size): boolean {
  const ratio = input.width / input.height;
  return Math.abs(map.width - map.height * ratio) <= 0.5 * (1 + ratio);
}
