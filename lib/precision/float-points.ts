import { ModelError } from '../errors/index.js';
import type { ModelProto } from '../graph/index.js';
import { calibrationPoints, layerPoints, type CalibrationPoint } from './calibration-points.js';
import { FloatValues } from './float-values.js';

/** Operators that compute on integers, or that round activations to them: Q of QDQ, QOperator, dynamic quantisation. */
const roundsActivations = /^((Dynamic)?QuantizeLinear|QLinear\w+|QGemm|QAttention|DynamicQuantize\w+|\w+Integer(ToFloat)?)$/;

/**
 * {@link calibrationPoints} of a model in floats. Throws MODEL_UNSUPPORTED where activations are quantised already, whose ranges would be those of the
 * rounded values, and where there is no layer to quantise.
 */
export function floatCalibrationPoints(model: ModelProto): CalibrationPoint[] {
  checkFloat(model);
  const points = calibrationPoints(model);
  if (points.length > 0) return points;
  throw new ModelError('MODEL_UNSUPPORTED', {
    message: 'The model has no layer that is computed in integers: no convolution and no product with weights',
    hint: 'There is nothing to gain from INT8 in it.',
  });
}

/** Every value of float32 that a node makes, and the inputs. Throws MODEL_UNSUPPORTED as {@link floatCalibrationPoints}, and where there is none. */
export function allFloatPoints(model: ModelProto): CalibrationPoint[] {
  checkFloat(model);
  const values = new FloatValues(model);
  const ofLayers = new Map(layerPoints(model).map((point) => [point.name, point]));
  const points = values.names.map((name) => ofLayers.get(name) ?? { name, channelAxis: undefined });
  if (points.length > values.structure.inputs.length) return points;
  throw new ModelError('MODEL_UNSUPPORTED', {
    message: 'The model computes nothing in float32',
    hint: 'Give the FP32 export of the model: half precision and integers are what is made of it.',
  });
}

function checkFloat(model: ModelProto): void {
  const { node = [] } = model.graph ?? {};
  const rounding = node.find(({ opType }) => roundsActivations.test(opType));
  if (rounding !== undefined) {
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected a model in floats but it is quantised already: it has a ${rounding.opType}${rounding.name === '' ? '' : `, "${rounding.name}"`}`,
      hint: 'Give the model that it was made from.',
    });
  }
}
