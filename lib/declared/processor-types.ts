import type { JsonObject } from './config-fields.js';
import { presets } from '../image/index.js';

/**
 * Hugging Face's image processors that can be expressed: what each takes for a field that its file leaves out. `always` is what it does
 * whatever the file says. Fields that are not Hugging Face's own: `size_multiple`, what both edges are made a multiple of;
 * `stretch_from`, the size from which on nothing is cut; `edge_factor`, by how much the shortest edge is larger than said.
 */
export interface ProcessorDefaults extends JsonObject {
  readonly always?: JsonObject;
}

const half = { image_mean: 0.5, image_std: 0.5 };
const imagenet = { image_mean: presets.imagenet.mean, image_std: presets.imagenet.std };
const clip = { image_mean: presets.clip.mean, image_std: presets.clip.std };

/** A number for `size` in the file is for both edges, or for the shortest. */
const square = (edge: number): JsonObject => ({ size: { height: edge, width: edge }, default_to_square: true });
const shortest = (edge: number): JsonObject => ({ size: { shortest_edge: edge }, default_to_square: false });
const cut = (edge: number): JsonObject => ({ do_center_crop: true, crop_size: edge });

const detr = {
  size: { shortest_edge: 800, longest_edge: 1333 },
  default_to_square: false,
  max_size: 1333,
  resample: 2,
  ...imagenet,
};
const clipProcessor = { ...shortest(224), ...cut(224), resample: 3, ...clip };
const mobileNet = { ...shortest(256), ...cut(224), resample: 2, ...half };

const processors: Readonly<Record<string, ProcessorDefaults>> = {
  beit: { ...square(224), crop_size: 224, resample: 3, ...half },
  bit: clipProcessor,
  blip: { ...square(384), resample: 3, ...clip },
  chineseclip: clipProcessor,
  clip: clipProcessor,
  conditionaldetr: detr,
  convnext: { ...shortest(384), resample: 3, ...half, crop_pct: 224 / 256, always: { stretch_from: 384 } },
  deformabledetr: detr,
  deit: { ...square(256), ...cut(224), resample: 3, ...half },
  detr,
  // It resizes after rescaling: the same but for the rounding of pixels between the two.
  dinov3vit: { ...square(224), resample: 2, ...imagenet },
  dpt: { ...square(384), resample: 3, ...half },
  efficientnet: { ...square(346), crop_size: 289, resample: 3, ...half, include_top: true },
  levit: { ...shortest(224), ...cut(224), resample: 3, ...imagenet, always: { edge_factor: 256 / 224 } },
  mobilenetv1: mobileNet,
  mobilenetv2: mobileNet,
  mobilevit: {
    ...{ ...shortest(224), ...cut(256), resample: 3 },
    do_flip_channel_order: true,
    always: { do_normalize: false },
  },
  owlvit: { ...square(768), crop_size: 768, resample: 3, ...clip },
  poolformer: { ...shortest(224), ...cut(224), resample: 3, ...imagenet, crop_pct: 0.9 },
  pvt: { ...square(224), resample: 3, ...imagenet },
  rtdetr: { size: { height: 640, width: 640 }, default_to_square: false, resample: 2, do_normalize: false, ...imagenet },
  segformer: { ...square(512), resample: 2, ...imagenet, always: { do_center_crop: false } },
  siglip: { ...square(224), resample: 3, ...half },
  vit: { ...square(224), resample: 2, ...half },
  yolos: { ...detr, always: { size_multiple: 16 } },
};

/** The defaults of a processor by the name of its class, in any of the forms that it is written in; undefined for one that is not known. */
export function processorDefaults(type: string): ProcessorDefaults | undefined {
  const name = type.replace(/(Fast|Pil)$/, '').replace(/(ImageProcessor|FeatureExtractor)$/, '');
  return Object.hasOwn(processors, name.toLowerCase()) ? processors[name.toLowerCase()] : undefined;
}

/** Models whose processor goes by another name than they do. */
const others: Readonly<Record<string, string>> = {
  clipseg: 'vit',
  convnextv2: 'convnext',
  cvt: 'convnext',
  'data2vec-vision': 'beit',
  dfine: 'rtdetr',
  dinat: 'vit',
  dinov2: 'bit',
  dinov2withregisters: 'bit',
  focalnet: 'bit',
  hiera: 'bit',
  mobilevitv2: 'mobilevit',
  pvtv2: 'pvt',
  regnet: 'convnext',
  resnet: 'convnext',
  rtdetrv2: 'rtdetr',
  swiftformer: 'vit',
  swin: 'vit',
  swinv2: 'vit',
  'table-transformer': 'detr',
  upernet: 'segformer',
  vitmae: 'vit',
  vitmsn: 'vit',
};

/** The processor that goes with a `model_type`; undefined where that is not known. */
export function processorOfModel(modelType: unknown): string | undefined {
  if (typeof modelType !== 'string') return undefined;
  const name = modelType.toLowerCase().replaceAll('_', '');
  const type = Object.hasOwn(others, name) ? others[name] : name;
  return type !== undefined && Object.hasOwn(processors, type) ? type : undefined;
}
