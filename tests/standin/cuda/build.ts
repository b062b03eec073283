/** The stand-in driver as a library, for processes that are to find it as libcuda.so.1. */
import { compiled } from '../compiled.js';

/** The folder of libcuda.so.1, for LD_LIBRARY_PATH. What it is told, it is told in FOVEATE_STANDIN_CUDA: see standin.h. */
export function standinCuda(): string {
  return compiled({
    name: 'cuda',
    files: ['libcuda.so.1'],
    sources: ['tests/standin/cuda'],
    headers: ['native/runtime/cuda'],
  });
}
