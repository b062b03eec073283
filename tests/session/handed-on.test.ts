import { fromBinary, toBinary, type Message } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { ModelProtoSchema, type ModelProto, type ValueInfoProto } from '../../lib/graph/onnx_pb.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { madeModel, node } from '../tasks/made-models.js';

/** A model whose outputs are `y`, and `x`, its input as it came. */
function handingOn(): Uint8Array {
  const free = ['n', 'm'];
  const model: ModelProto & Message = fromBinary(
    ModelProtoSchema,
    madeModel({ input: free, output: free, nodes: [node('Identity', 'x', 'y')] }),
  );
  model.graph?.output.push(model.graph.input[0] as ValueInfoProto);
  return toBinary(ModelProtoSchema, model);
}

it('copies an input that the graph hands on as an output: the memory behind it is the caller’s', async () => {
  const session = await createSession(handingOn());
  const input = Tensor.allocate('float32', [2, 3]);
  input.data.set([1, 2, 3, 4, 5, 6]);
  const result = await session.run({ x: input });
  input.data.fill(-1);
  input.dispose();
  Tensor.allocate('float32', [2, 3]).data.fill(-2); // takes the memory that was given back
  expect([...(result.outputs['x'] as Tensor<'float32'>).data]).toEqual([1, 2, 3, 4, 5, 6]);
  expect([...(result.outputs['y'] as Tensor<'float32'>).data]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(result.copiedBytes).toBe(24);
  result.dispose();
  await session.dispose();
});
