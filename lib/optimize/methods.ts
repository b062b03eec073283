import type { HalfType } from '../precision/index.js';
import { float8Model } from './float8-model.js';
import { halfModel } from './half-model.js';
import { int4Model } from './int4-model.js';
import type { Method } from './method.js';
import { quantizeModel } from './quantize-model.js';
import type { Precision, QuantizedForms } from './quantized-layer.js';
import { float8Ladder, formsLadder, int8Ladder, stackedLadder } from './search/ladder.js';

const int8: Method = {
  tensors: 'layers',
  measures: true,
  convert: (model, statistics, samples, { onProgress, ...options }) =>
    quantizeModel(model, statistics, samples, {
      ...options,
      onProgress: ({ form, phase, done }) => {
        if (phase === 'sensitivity') onProgress?.(Math.round(50 * (done + (form === 'tensorrt' ? 1 : 0))), 100);
      },
    }),
  ladder: int8Ladder,
};
const fp16 = half('float16');

/** Of FP32 there is none: nothing is converted. */
export const methods: Readonly<Record<Exclude<Precision, 'fp32'>, Method>> = {
  int8,
  fp16,
  bf16: half('bfloat16'),
  fp8: { tensors: 'layers', measures: true, convert: float8Model, ladder: float8Ladder },
  int4: {
    tensors: 'layers',
    measures: true,
    convert: int4Model,
    ladder: async (...given) => formsLadder(await int4Model(...given)),
  },
  // INT8 where nothing chooses; among what stands above it, a budget does.
  auto: {
    ...int8,
    tensors: 'all',
    ladder: async (...given) => stackedLadder(await int8.ladder(...given), await fp16.ladder(...given)),
  },
};

/** What it cannot hold stays float32 in any case. */
function half(type: HalfType): Method {
  const make = (...[model, statistics, , { forms }]: Parameters<Method['convert']>): QuantizedForms =>
    halfModel(model, statistics, type, forms);
  return {
    tensors: 'all',
    measures: false,
    convert: (...given) => Promise.resolve(make(...given)),
    ladder: (...given) => Promise.resolve(formsLadder(make(...given))),
  };
}
