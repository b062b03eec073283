export type { IccProfile } from './decode.js';
export type { PixelFormat, RawFrame } from './frame.js';
export { loadSharp } from './general-decoder.js';
export { defaultPixelLimit, startReading, type PictureInput } from './input.js';
export { encode, formatOf, Picture, writePicture, type EncodedFormat, type PictureOptions } from './picture.js';
export { thumbnail, type PixelRegion, type Thumbnail } from './thumbnail.js';
export { Placement } from './placement.js';
export {
  Preprocess,
  presets,
  type PreprocessedPicture,
  type PreprocessOptions,
  type PreprocessPreset,
  type PreprocessRunOptions,
} from './preprocess.js';
