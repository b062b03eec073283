export { dtypeBytes, dtypes, isDType, typedArrays, type DType, type TypedArrayOf } from '../binding/index.js';
export { DeviceTensor } from './device-tensor.js';
export { elementCount, Tensor } from './tensor.js';
export { bfloat16BitsToFloat32, float16BitsToFloat32, float32ToBfloat16Bits, float32ToFloat16Bits } from './half.js';
