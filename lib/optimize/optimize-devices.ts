/** Engines that forms are made for. */
export const optimizeDevices = ['cpu', 'tensorrt', 'tensorrt-rtx'] as const;
export type OptimizeDevice = (typeof optimizeDevices)[number];
