import { native, settle, type NativeGpuStatistics } from '../binding/index.js';

/** What is in use of one GPU, and what was copied, since the process began. Sizes are bytes. */
export type GpuStatistics = NativeGpuStatistics;

/** Of every GPU that a session was opened on, by its ordinal; a GPU that nothing was opened on is not asked. */
export async function gpuStatistics(): Promise<readonly GpuStatistics[]> {
  return await settle(() => native().gpuStatistics());
}
