/** Which tensors of a model are looked at: those that decide the ranges of INT8, or all of float32. */
export const calibratedTensors = ['layers', 'all'] as const;
export type CalibratedTensors = (typeof calibratedTensors)[number];
