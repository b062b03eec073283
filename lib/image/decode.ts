import { settle, type NativePictureSource, type OperationHandle } from '../binding/index.js';
import { checkInteger, checkSignal, createError, FoveateError } from '../errors/index.js';
import { decodeGeneral } from './general-decoder.js';
import { defaultPixelLimit, resolvePicture, type PictureInput, type ResolvedPicture } from './input.js';

/** How far a picture may go. */
export interface DecodeOptions {
  /** Pictures with more pixels are refused. Default 64 million. */
  readonly pixelLimit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What is made of an ICC profile, a picture's own meaning of its colour values. 'ignore' takes the values for sRGB, as Pillow, OpenCV and
 * therefore the training of nearly every model do, and CMYK for inks without a profile, as they do. 'convert' makes sRGB of Display P3, Adobe
 * RGB, CMYK and whatever else a profile says.
 */
export type IccProfile = (typeof iccProfiles)[number];
export const iccProfiles = ['ignore', 'convert'] as const;

/** A function of the core that takes a picture. */
type CoreCall<T> = (source: NativePictureSource, pixelLimit: number, operation: OperationHandle | undefined) => Promise<T>;

/**
 * Gives a picture to the core; what the core does not decode, the general decoder decodes for it. Errors name the picture, those about a file
 * have its `path` in their details. Throws INVALID_ARGUMENT, MEDIA_NOT_FOUND, MEDIA_INVALID, MEDIA_UNSUPPORTED, MEDIA_TOO_LARGE, ABORTED.
 */
export async function decodeWith<T>(
  call: CoreCall<T>,
  image: PictureInput,
  iccProfile: IccProfile,
  options: DecodeOptions,
): Promise<{ readonly result: T; readonly generalDecodeMs: number }> {
  const { signal } = options;
  checkSignal(signal);
  const pixelLimit = checkInteger('pixelLimit', options.pixelLimit ?? defaultPixelLimit, 1);
  const resolved = resolvePicture(image, signal);
  const picture = resolved instanceof Promise ? await resolved : resolved;
  const inCore = (source: NativePictureSource): Promise<T> => settle((operation) => call(source, pixelLimit, operation), signal);
  if (!isOtherFile(picture.source)) {
    try {
      return { result: await inCore(picture.source), generalDecodeMs: 0 };
    } catch (error) {
      if (!isMediaError(error)) throw error;
      if (error.code !== 'MEDIA_UNSUPPORTED') throw named(error, picture);
    }
  }
  const started = performance.now();
  const frame = await decodeGeneral(picture, pixelLimit, iccProfile);
  const generalDecodeMs = performance.now() - started;
  return { result: await inCore(frame), generalDecodeMs };
}

/** The bytes of a picture that is no JPEG: the core would copy them in vain. */
function isOtherFile(source: NativePictureSource): boolean {
  return 'bytes' in source && !(source.bytes[0] === 0xff && source.bytes[1] === 0xd8);
}

function isMediaError(error: unknown): error is FoveateError {
  return error instanceof FoveateError && error.code.startsWith('MEDIA_');
}

/** An error of the core, which does not know what the picture is called. */
function named(error: FoveateError, { name, details }: ResolvedPicture): FoveateError {
  const message = `Cannot read the picture ${name}: ${error.message}`;
  const renamed = createError(error.code, { message, hint: error.hint, details });
  Error.captureStackTrace(renamed, named); // of the few frames that Node keeps, none for how errors are made
  return renamed;
}
