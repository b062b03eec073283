/** Models that are not in floats any more, or have nothing to quantise. */
import { create } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';

import { ModelProtoSchema, type ModelProto } from '../../lib/graph/onnx_pb.js';
import { floatCalibrationPoints } from '../../lib/precision/index.js';
import { thrownBy } from '../errors/failure.js';

const modelOf = (...operators: readonly string[]): ModelProto =>
  create(ModelProtoSchema, {
    opsetImport: [{ domain: '', version: 17n }],
    graph: { node: operators.map((opType, i) => ({ opType, name: `n${i}`, output: [`v${i}`] })) },
  });

it.each([
  ...['QuantizeLinear', 'DynamicQuantizeLinear', 'QLinearConv', 'QLinearGlobalAveragePool', 'QGemm'],
  ...['ConvInteger', 'MatMulInteger', 'MatMulIntegerToFloat', 'DynamicQuantizeMatMul'],
])('refuses a model with %s', (operator) => {
  const error = thrownBy(() => floatCalibrationPoints(modelOf('Relu', operator)));
  expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED', message: expect.stringContaining(`${operator}, "n1"`) as string });
  expect(error.hint).toMatch(/made from/);
});

it('refuses a model without a layer to quantise, and takes integers that are no quantisation', () => {
  const error = thrownBy(() => floatCalibrationPoints(modelOf('Relu', 'DequantizeLinear', 'IntegerCast')));
  expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED', message: expect.stringMatching(/no convolution/) as string });
});
