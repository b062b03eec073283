/** Which tensors of a model are looked at: those of its layers, which decide the ranges of INT8 and FP8, or all of float32. `methods` has which precision goes by which. */
export const calibratedTensors = ['layers', 'all'] as const;
export type CalibratedTensors = (typeof calibratedTensors)[number];
