import type { LeaseHandle, NativeFrame } from '../binding/index.js';
import { checkInteger, checkOneOf, checkOptions, invalidArgument } from '../errors/index.js';
import { Tensor } from '../tensor/index.js';

/** Bytes of a pixel, in rows of pixels whose channels are interleaved. */
const interleaved = { grey: 1, rgb: 3, bgr: 3, rgba: 4 } as const;

const videoFormats = ['nv12', 'i420', 'yuyv'] as const;
const colorMatrices = ['bt601', 'bt709'] as const;
const colorRanges = ['limited', 'full'] as const;

/**
 * How raw pixels lie in memory: the order of interleaved channels, or one of the layouts of video, with two luma values for each pair of
 * chroma values along a row. 'nv12': a plane of luma, then one of U and V by turns, at half the width and height. 'i420': a plane of luma, one
 * of U, one of V. 'yuyv' (also called YUY2): one plane, Y U Y V for two pixels. Planes of half an odd side are rounded up.
 */
export type PixelFormat = keyof typeof interleaved | (typeof videoFormats)[number];

const pixelFormats: readonly PixelFormat[] = [...(Object.keys(interleaved) as (keyof typeof interleaved)[]), ...videoFormats];

/** A picture as raw pixels, eight bits a channel. A decoded `Picture` is one, too, and is read in place. */
export interface RawFrame {
  /** Rows of pixels, plane after plane, no byte more; or a uint8 tensor in native memory, which is read in place. */
  readonly data: Uint8Array | Uint8ClampedArray | Tensor<'uint8'>;
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  /**
   * Bytes from one row to the next, where there are gaps; of 'nv12' and 'i420' the rows of luma. The rows of chroma are then as far apart
   * ('nv12', rounded up to even) or half as far ('i420', rounded up). The last row of the last plane may end without a gap.
   */
  readonly stride?: number | undefined;
  /** Of 'nv12', 'i420' and 'yuyv': the standard behind the colours. Default 'bt601', as OpenCV's cvtColor has it; HD video is 'bt709'. */
  readonly colorMatrix?: (typeof colorMatrices)[number] | undefined;
  /** Of 'nv12', 'i420' and 'yuyv': 'limited' has luma from 16 to 235, 'full' from 0 to 255. Default 'limited', as almost all video. */
  readonly colorRange?: (typeof colorRanges)[number] | undefined;
}

const interleavedKeys = ['data', 'width', 'height', 'format', 'stride'] as const satisfies (keyof RawFrame)[];
const videoKeys = [...interleavedKeys, 'colorMatrix', 'colorRange'] as const satisfies (keyof RawFrame)[];

/** The longest side of a picture, JPEG's own limit. */
export const maxEdge = 65_535;

/** A raw frame whose data lies in native memory, without a tensor: a `Picture`. */
interface DecodedPicture extends RawFrame {
  readonly leaseHandle: LeaseHandle;
}

/** How far apart rows are, and what a frame takes, without the gap of its last row. In bytes. */
interface Layout {
  readonly row: number;
  readonly needed: (stride: number) => number;
}

function layoutOf(format: PixelFormat, width: number, height: number): Layout {
  const pairs = Math.ceil(width / 2);
  const chromaRows = Math.ceil(height / 2);
  const half = (stride: number): number => Math.ceil(stride / 2);
  if (format === 'nv12') {
    return { row: width, needed: (stride) => stride * height + half(stride) * 2 * (chromaRows - 1) + pairs * 2 };
  }
  if (format === 'i420') {
    return { row: width, needed: (stride) => stride * height + half(stride) * (2 * chromaRows - 1) + pairs };
  }
  const row = format === 'yuyv' ? pairs * 4 : width * interleaved[format];
  return { row, needed: (stride) => stride * (height - 1) + row };
}

/** Checks a raw frame, as the core takes it. Throws INVALID_ARGUMENT, UNKNOWN_OPTION. */
export function resolveFrame(frame: RawFrame): NativeFrame {
  if (frame.format === undefined) {
    const hint = "Name the order of its channels: 'rgba' for ImageData of a canvas, as { data, width, height, format: 'rgba' }.";
    throw invalidArgument('frame.format', `one of ${pixelFormats.join(', ')}`, undefined, hint);
  }
  const format = checkOneOf('frame.format', frame.format, pixelFormats);
  checkOptions('frame', frame, (videoFormats as readonly PixelFormat[]).includes(format) ? videoKeys : interleavedKeys);
  const width = checkInteger('frame.width', frame.width, 1, maxEdge);
  const height = checkInteger('frame.height', frame.height, 1, maxEdge);
  const { row, needed: neededAt } = layoutOf(format, width, height);
  const stride = frame.stride === undefined ? row : checkInteger('frame.stride', frame.stride, row);
  const colorMatrix = checkOneOf('frame.colorMatrix', frame.colorMatrix ?? 'bt601', colorMatrices);
  const colorRange = checkOneOf('frame.colorRange', frame.colorRange ?? 'limited', colorRanges);
  const given = frame.data;
  if (given instanceof Tensor && given.dtype !== 'uint8') throw invalidArgument('frame.data', 'a tensor of uint8', given);
  const data = given instanceof Tensor ? given.data : given;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) {
    throw invalidArgument('frame.data', 'a Uint8Array or a uint8 tensor', data);
  }
  const needed = neededAt(stride);
  const received = data.byteLength;
  if (frame.stride === undefined && received !== needed) {
    const hint = 'Where there are gaps between the rows, pass the option stride: the bytes from one row to the next.';
    throw invalidArgument('frame.data', `${needed} bytes (${width} x ${height} ${format})`, received, hint);
  }
  if (received < needed) {
    throw invalidArgument('frame.data', `at least ${needed} bytes (${width} x ${height} ${format}, stride ${stride})`, received);
  }
  const pixels = new Uint8Array(data.buffer, data.byteOffset, needed);
  const lease = given instanceof Tensor ? given.leaseHandle : (frame as Partial<DecodedPicture>).leaseHandle;
  return { pixels, lease, width, height, stride, format, colorMatrix, colorRange };
}
