import type { HalfType } from '../precision/index.js';
import { float8Model } from './float8-model.js';
import { halfModel } from './half-model.js';
import { int4Model } from './int4-model.js';
import type { Method } from './method.js';
import { quantizeModel } from './quantize-model.js';
import type { Precision } from './quantized-layer.js';
import { float8Ladder, formsLadder, int8Ladder } from './search/ladder.js';

export const methods: Readonly<Record<Precision, Method>> = {
  int8: {
    tensors: 'layers',
    measures: true,
    convert: (model, statistics, samples, { signal, onProgress }) =>
      quantizeModel(model, statistics, samples, {
        signal,
        onProgress: ({ form, phase, done }) => {
          if (phase === 'sensitivity') onProgress?.(Math.round(50 * (done + (form === 'tensorrt' ? 1 : 0))), 100);
        },
      }),
    ladder: int8Ladder,
  },
  fp16: half('float16'),
  bf16: half('bfloat16'),
  fp8: { tensors: 'layers', measures: true, convert: float8Model, ladder: float8Ladder },
  int4: {
    tensors: 'layers',
    measures: true,
    convert: int4Model,
    ladder: async (...given) => formsLadder(await int4Model(...given)),
  },
};

/** What it cannot hold stays float32 in any case. */
function half(type: HalfType): Method {
  return {
    tensors: 'all',
    measures: false,
    convert: async (model, statistics) => Promise.resolve(halfModel(model, statistics, type)),
    ladder: async (model, statistics) => Promise.resolve(formsLadder(halfModel(model, statistics, type))),
  };
}
