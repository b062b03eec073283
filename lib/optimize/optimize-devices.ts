/** Engines that forms are made for: TensorRT and TensorRT-RTX take the same one. */
export const optimizeDevices = ['cpu', 'tensorrt', 'tensorrt-rtx'] as const;
export type OptimizeDevice = (typeof optimizeDevices)[number];
