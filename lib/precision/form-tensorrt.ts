import { changed, readBy, type GraphProto, type ModelProto } from '../graph/index.js';
import type { FormNumbers } from './form-onnxruntime.js';
import type { FormPlan } from './form-plan.js';
import { firstOpset, inOpset } from './in-opset.js';
import { QdqWriter, type Quantization } from './qdq-writer.js';
import type { Structure } from './structure.js';

/** Writes the form for TensorRT: see `planTensorRt` and `planFloat8`. What is quantised is also there as it is, for those who read it in float. */
export function writeTensorRtForm(model: ModelProto, structure: Structure, plan: FormPlan, numbers: FormNumbers): ModelProto {
  const graph = model.graph as GraphProto;
  const writer = new QdqWriter(graph);
  const quantized = new Map<string, string>();
  const quantize = (value: string): void => {
    if (!plan.quantized.has(value)) return;
    quantized.set(value, writer.quantize(value, value, numbers.values.get(value) as Quantization));
  };
  structure.inputs.forEach(quantize);
  for (const node of structure.nodes) {
    const { proto } = node;
    const weights = numbers.weights.get(node);
    if (!plan.int8.has(node) && weights === undefined) writer.nodes.push(proto);
    else {
      const read = new Set(plan.int8.has(node) ? structure.activationInputs(node) : []);
      const input = proto.input.map((value) =>
        read.has(value)
          ? writer.dequantize(quantized.get(value) as string, value, numbers.values.get(value) as Quantization)
          : value,
      );
      if (weights !== undefined) input[1] = writer.weights(proto.input[1] as string, weights);
      const bias = numbers.biases?.get(node);
      if (bias !== undefined) input[2] = writer.floatBias(proto.input[2] || `${proto.input[1] as string}/bias`, bias);
      writer.nodes.push(changed(proto, { input }));
    }
    node.outputs.forEach(quantize);
  }
  const read = new Set([...writer.nodes.flatMap(readBy), ...graph.output.map(({ name }) => name)]);
  const written = changed(model, {
    graph: changed(graph, {
      node: writer.nodes,
      initializer: [...graph.initializer.filter(({ name }) => read.has(name)), ...writer.initializers],
    }),
  });
  return inOpset(written, firstOpset[plan.values]);
}
