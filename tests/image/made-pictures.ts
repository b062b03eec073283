/** Pictures made for the tests, so that every pixel is known. */
import sharp, { type Sharp } from 'sharp';
import { Preprocess, type PictureInput, type PreprocessOptions, type RawFrame } from '../../lib/image/index.js';

/** Raw pixels, interleaved. */
export interface Pixels {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
}

/** A smooth picture in which each corner has another colour, so that turning, mirroring and swapping channels all show. */
export function gradient(width: number, height: number, channels: 1 | 3 | 4 = 3): Pixels {
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const u = x / Math.max(1, width - 1);
      const v = y / Math.max(1, height - 1);
      const values = channels === 1 ? [255 * (0.7 * u + 0.3 * v)] : [255 * u, 255 * v, 255 * (1 - u) * (1 - v), 255 * u * v];
      for (let c = 0; c < channels; c++) data[(y * width + x) * channels + c] = Math.round(values[c] as number);
    }
  }
  return { data, width, height, channels };
}

/** The pixels as a raw frame. */
export function asFrame({ data, width, height, channels }: Pixels): RawFrame {
  return { data, width, height, format: ({ 1: 'grey', 3: 'rgb', 4: 'rgba' } as const)[channels] };
}

/** The pixels, ready to be written in any format. */
export function asSharp({ data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** JPEG as exact as it gets: full chroma, hardly any loss. */
export function asJpeg(pixels: Pixels): Promise<Buffer> {
  return asSharp(pixels).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer();
}

/** The pixels of any picture as foveate sees them: RGB, row by row. */
export async function pixelsOf(image: PictureInput, options: Partial<PreprocessOptions> = {}): Promise<Pixels> {
  const plain = new Preprocess({ fit: 'none', scale: 1, layout: 'nhwc', dtype: 'uint8', ...options });
  const { tensor } = await plain.run(image);
  const [height, width, channels] = tensor.dims as [number, number, 3];
  const data = Uint8Array.from(tensor.data as Uint8Array);
  tensor.dispose();
  return { data, width, height, channels };
}

/** The largest difference of two pictures of one size. */
export function largestDifference(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) throw new Error(`Expected as many values, received ${a.length} and ${b.length}`);
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] as number))), 0);
}
