/** The stand-in of TensorRT 10 as libraries, for processes that are to find them by FOVEATE_TENSORRT_PATH. */
import { join } from 'node:path';

import { projectRoot } from '../../package/node-child.js';
import { compiled } from '../compiled.js';

/** The folder of libnvinfer.so.10 and its parser. What they are told, they are told in FOVEATE_STANDIN_TENSORRT: see standin.h. */
export function standinTensorRt(): string {
  const own = ['driver', 'engine', 'execution', 'injection', 'network', 'onnx_file', 'plan', 'table_build', 'table_run'];
  return compiled({
    name: 'tensorrt',
    files: ['libnvinfer.so.10', 'libnvonnxparser.so.10'],
    sources: [
      ...own.map((name) => `tests/standin/tensorrt/${name}.cc`),
      ...['native/core', 'native/runtime', 'native/runtime/onnxruntime', 'native/runtime/tensorrt/dims.cc'],
    ],
    flags: [
      '-DSTANDIN_RELEASES=1',
      `-I${join(projectRoot, 'tests/standin/tensorrt')}`,
      `-Wl,--version-script=${join(projectRoot, 'tests/standin/tensorrt/exports.map')}`,
    ],
  });
}
