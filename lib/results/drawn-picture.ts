import { invalidArgument } from '../errors/index.js';
import { defaultPixelLimit, Picture, type PictureInput } from '../image/index.js';

/** A limit that was raised to get a result must not stand in the way of drawing it. */
export function raisedPixelLimit({ width, height }: { readonly width: number; readonly height: number }): number {
  return Math.max(defaultPixelLimit, width * height);
}

/** The picture that a result of `size` pixels is drawn into. Throws INVALID_ARGUMENT for a picture of another size, and as `Picture.read`. */
export async function drawnPicture(
  image: PictureInput,
  size: { readonly width: number; readonly height: number },
  signal: AbortSignal | undefined,
): Promise<Picture> {
  const picture = await Picture.read(image, { pixelLimit: raisedPixelLimit(size), signal });
  const { width, height } = picture;
  if (width === size.width && height === size.height) return picture;
  picture.dispose();
  throw invalidArgument(
    'image',
    `a picture of ${size.width} x ${size.height}`,
    `${width} x ${height}`,
    'Draw into the picture that the result is of.',
  );
}
