import type { HalfType } from '../precision/index.js';
import { correctionSamples } from './form-correction.js';
import { float8Model } from './float8-model.js';
import { halfModel } from './half-model.js';
import { int4Model } from './int4-model.js';
import type { Method } from './method.js';
import { quantizeModel } from './quantize-model.js';
import type { Precision, QuantizedForms } from './quantized-layer.js';
import type { RestPrecision } from './quantizer.js';
import { mostSamples } from './sensitivity.js';
import { float8Ladder, formsLadder, int8Ladder, stackedLadder } from './search/ladder.js';

const int8 = eightBits('float32');
/** What stays float is FP16 on TensorRT, where that takes less time and memory. */
const mixed = eightBits('float16');
const fp16 = half('float16');

/** Of FP32 there is none: nothing is converted. */
export const methods: Readonly<Record<Exclude<Precision, 'fp32'>, Method>> = {
  int8,
  'int8+fp16': mixed,
  fp16,
  bf16: half('bfloat16'),
  fp8: { tensors: 'layers', samplesOf: () => mostSamples, convert: float8Model, ladder: float8Ladder },
  int4: {
    tensors: 'layers',
    samplesOf: () => mostSamples,
    convert: int4Model,
    ladder: async (model, statistics, samples, { keep, ...options }) =>
      formsLadder(await int4Model(model, statistics, samples, options, (from, measure) => keep(`int4 noise ${from}`, measure))),
  },
  // Always to a budget, which chooses among them.
  auto: {
    ...mixed,
    ladder: async (...given) => stackedLadder(await mixed.ladder(...given), await fp16.ladder(...given)),
  },
};

function eightBits(rest: RestPrecision): Method {
  return {
    tensors: rest === 'float16' ? 'all' : 'layers',
    samplesOf: correctionSamples,
    convert: (model, statistics, samples, { onProgress, ...options }) =>
      quantizeModel(model, statistics, samples, {
        ...options,
        rest,
        onProgress: ({ form, phase, done }) => {
          const { forms } = options;
          if (phase === 'sensitivity') onProgress?.(Math.round((100 * (forms.indexOf(form) + done)) / forms.length), 100);
        },
      }),
    ladder: (model, statistics, samples, options) => int8Ladder(model, statistics, samples, { ...options, rest }),
  };
}

/** What it cannot hold stays float32 in any case. */
function half(type: HalfType): Method {
  const make = (...[model, statistics, , { forms }]: Parameters<Method['convert']>): QuantizedForms =>
    halfModel(model, statistics, type, forms);
  return {
    tensors: 'all',
    samplesOf: () => 0,
    convert: (...given) => Promise.resolve(make(...given)),
    ladder: (...given) => Promise.resolve(formsLadder(make(...given))),
  };
}
