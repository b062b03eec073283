/**
 * What makes the INT8 files. `form`: 'onnxruntime' is opened with all graph optimizations, so that integer kernels run; 'tensorrt' with none, so that
 * quantizing is simulated in float as the file says it, which is what TensorRT is told to compute.
 */
const heads = ['yolov8n_fp32', 'yolox_nano_416'];

export const tools = [
  { id: 'foveate-c', by: 'foveate', file: 'onnxruntime.onnx', form: 'onnxruntime' },
  { id: 'foveate-t', by: 'foveate', file: 'tensorrt.onnx', form: 'tensorrt' },
  { id: 'ort-minmax', by: 'onnxruntime', method: 'minmax', form: 'onnxruntime' },
  { id: 'ort-percentile', by: 'onnxruntime', method: 'percentile', form: 'onnxruntime' },
  { id: 'ort-entropy', by: 'onnxruntime', method: 'entropy', form: 'onnxruntime' },
  { id: 'ort-minmax-head', by: 'onnxruntime', method: 'minmax', variant: 'head', form: 'onnxruntime', models: heads },
  { id: 'ort-percentile-head', by: 'onnxruntime', method: 'percentile', variant: 'head', form: 'onnxruntime', models: heads },
  { id: 'ort-entropy-head', by: 'onnxruntime', method: 'entropy', variant: 'head', form: 'onnxruntime', models: heads },
  { id: 'ort-minmax-tensorrt', by: 'onnxruntime', method: 'minmax', variant: 'tensorrt', form: 'tensorrt' },
  { id: 'modelopt-max', by: 'modelopt', method: 'max', form: 'tensorrt' },
  { id: 'modelopt-entropy', by: 'modelopt', method: 'entropy', form: 'tensorrt' },
];

/** Those named in a list with commas, or all; an id or who makes them. */
export function toolsNamed(list) {
  if (list === undefined) return tools;
  const names = list.split(',');
  const unknown = names.find((name) => !tools.some(({ id, by }) => name === id || name === by));
  if (unknown !== undefined) throw new Error(`There is no tool ${unknown}; there are ${tools.map(({ id }) => id).join(', ')}`);
  return tools.filter(({ id, by }) => names.includes(id) || names.includes(by));
}

/** Whether the tool is tried on the model. */
export function serves(tool, model) {
  return tool.models === undefined || tool.models.includes(model.name);
}
