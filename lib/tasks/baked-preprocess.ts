import type { BuildOptions } from '../engine/index.js';
import type { Preprocess } from '../image/index.js';

/** What feeds an engine that normalises its input by itself. */
export const pixelsAsTheyAre = { layout: 'nhwc', dtype: 'uint8', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] } as const;

/** What of a preprocessing an engine can do by itself; undefined where its input takes whole numbers already. */
export function bakedOf({ options }: Preprocess): BuildOptions['bakePreprocess'] {
  const { scale, mean, std, layout, dtype } = options;
  return dtype === 'float32' || dtype === 'float16' ? { scale, mean, std, layout } : undefined;
}
