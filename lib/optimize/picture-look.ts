import { sha256OfBytes } from '../engine/file-hash.js';
import type { PreprocessedPicture, PreprocessOptions } from '../image/index.js';
import type { CalibratedPicture } from '../precision/index.js';

/** Cells over the picture; each but the last of a row is compared with its right neighbour. */
const columns = 17;
const rows = 16;
/** Looked at in each cell, in each direction. */
const samples = 8;
/** Of the whole range: noise and compression tip no bit. */
const step = 1 / 64;

/** What a preprocessed picture looks like, whatever the preprocessing. Its borders do not count. */
export function lookOf(picture: PreprocessedPicture, options: PreprocessOptions): Omit<CalibratedPicture, 'sha256'> {
  const { data } = picture.tensor;
  const cells = brightnessOf(picture, options);
  let look = '';
  for (let row = 0; row < rows; row++) {
    let bits = 0;
    for (let column = 0; column < columns - 1; column++) {
      const at = row * columns + column;
      bits = bits * 2 + ((cells[at + 1] as number) - (cells[at] as number) > step ? 1 : 0);
    }
    look += bits.toString(16).padStart(4, '0');
  }
  return {
    input: sha256OfBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
    look,
    darkest: rounded(Math.min(...cells)),
    brightest: rounded(Math.max(...cells)),
  };
}

/** In how many of 256 bits two looks differ. */
export function lookDistance(a: string, b: string): number {
  let distance = 0;
  for (let at = 0; at < a.length; at += 8) {
    let bits = Number.parseInt(a.slice(at, at + 8), 16) ^ Number.parseInt(b.slice(at, at + 8), 16);
    for (; bits !== 0; bits &= bits - 1) distance++;
  }
  return distance;
}

/** Mean brightness of each cell, 0 to 1, row by row. */
function brightnessOf({ tensor, placement }: PreprocessedPicture, options: PreprocessOptions): number[] {
  const values = tensor.dtype === 'float16' ? tensor.toFloat32() : tensor.data;
  const [channels, height, width] =
    options.layout === 'nchw' ? tensor.dims : [tensor.dims[2] as number, tensor.dims[0] as number, tensor.dims[1] as number];
  const [size, across, down] = [channels as number, width as number, height as number];
  const [perChannel, perPixel] = options.layout === 'nchw' ? [across * down, 1] : [1, size];
  const spanX = spanOf(placement.offsetX, placement.sourceWidth * placement.scaleX, across);
  const spanY = spanOf(placement.offsetY, placement.sourceHeight * placement.scaleY, down);
  const cells: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let sample = 0; sample < samples * samples; sample++) {
        const y = placeIn(spanY, (row + (Math.floor(sample / samples) + 0.5) / samples) / rows);
        const x = placeIn(spanX, (column + ((sample % samples) + 0.5) / samples) / columns);
        for (let channel = 0; channel < size; channel++) {
          const value = Number(values[(y * across + x) * perPixel + channel * perChannel]);
          const level = (value * (options.std[channel] as number) + (options.mean[channel] as number)) / options.scale;
          sum += level / 255 / size;
        }
      }
      cells.push(sum / (samples * samples));
    }
  }
  return cells;
}

/** Where on an axis of the input the picture lies: from, and how far. */
function spanOf(offset: number, length: number, size: number): readonly [from: number, length: number] {
  const from = Math.max(0, offset);
  return [from, Math.max(1, Math.min(size, offset + length) - from)];
}

function placeIn([from, length]: readonly [number, number], part: number): number {
  return Math.floor(from + part * length);
}

function rounded(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000;
}
