/** What is said of layers that have more bits than were asked for. */
import { describe, expect, it } from 'vitest';
import { otherLayers } from '../../lib/optimize/decisions.js';
import { notAsked, type LayerPrecision, type QuantizedLayer } from '../../lib/optimize/quantized-layer.js';

function layer(precision: QuantizedLayer['precision'], reasons: QuantizedLayer['reasons']): QuantizedLayer {
  return { name: 'a layer', operator: 'Conv', macs: 1, precision, reasons, noiseDb: {} };
}
const inBoth = (precision: LayerPrecision, reason?: string): QuantizedLayer =>
  layer({ onnxruntime: precision, tensorrt: precision }, reason === undefined ? {} : { onnxruntime: reason, tensorrt: reason });

describe('layers with more bits', () => {
  it('of INT4 are told apart by whether they have eight or stay float, with the commonest reason first', () => {
    const layers = [
      inBoth('int4'),
      inBoth('float32', 'few weights'),
      inBoth('int8', 'few of all weights'),
      ...[1, 2].map(() => inBoth('int8', 'too much is lost at 4 bits, as was measured')),
    ];
    expect(otherLayers({ onnxruntime: 'int4', tensorrt: 'int4' }, layers)).toEqual([
      '1 of 5 layers stay FP32 in the form for either engine (1: few weights).',
      '3 of 5 layers have weights in INT8 in the form for either engine (2: too much is lost at 4 bits, as was measured; 1: few of all weights).',
    ]);
  });

  it('of INT8 are those in float, for each engine by itself where they differ', () => {
    const layers = [
      inBoth('int8'),
      layer({ onnxruntime: 'int8', tensorrt: 'float32' }, { tensorrt: 'depthwise: loses most at 8 bits' }),
      layer(
        { onnxruntime: 'float32', tensorrt: 'float32' },
        { onnxruntime: 'no integer kernel', tensorrt: 'depthwise: another' },
      ),
    ];
    expect(otherLayers({ onnxruntime: 'int8', tensorrt: 'int8' }, layers)).toEqual([
      '1 of 3 layers stay FP32 in the form for ONNX Runtime (1: no integer kernel).',
      '2 of 3 layers stay FP32 in the form for TensorRT (2: depthwise).',
    ]);
  });

  it('of a mixed form are those in FP16, beside those that FP16 cannot hold', () => {
    const layers = [
      inBoth('int8'),
      layer(
        { onnxruntime: 'float32', tensorrt: 'float16' },
        { onnxruntime: 'no integer kernel', tensorrt: 'depthwise: loses most' },
      ),
      layer({ onnxruntime: 'int8', tensorrt: 'float32' }, { tensorrt: 'too near to 65504: y reaches 7e4' }),
    ];
    expect(otherLayers({ onnxruntime: 'int8', tensorrt: 'mixed' }, layers)).toEqual([
      '1 of 3 layers stay FP32 in the form for ONNX Runtime (1: no integer kernel).',
      '1 of 3 layers stay FP32 in the form for TensorRT (1: too near to 65504).',
      '1 of 3 layers are FP16 in the form for TensorRT (1: depthwise).',
    ]);
  });

  it('are not told of in a form that was not asked for', () => {
    const layers = [layer({ onnxruntime: 'float32', tensorrt: 'int8' }, { onnxruntime: notAsked })];
    expect(otherLayers({ onnxruntime: 'int8', tensorrt: 'int8' }, layers)).toEqual([]);
  });
});
