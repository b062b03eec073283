import { fromBinary, toBinary, type Message } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { ModelProtoSchema, type ModelProto, type ValueInfoProto } from '../../lib/graph/onnx_pb.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { madeModel, node } from '../tasks/made-models.js';

/** A model whose outputs are `y`, and `x`, its input as it came. */
function handingOn(shape: readonly (number | string)[]): Uint8Array {
  const model: ModelProto & Message = fromBinary(
    ModelProtoSchema,
    madeModel({ input: shape, output: shape, nodes: [node('Identity', 'x', 'y')] }),
  );
  model.graph?.output.push(model.graph.input[0] as ValueInfoProto);
  return toBinary(ModelProtoSchema, model);
}

it('copies an input that the graph hands on as an output: the memory behind it is the caller’s', async () => {
  const session = await createSession(handingOn(['n', 'm']));
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

it.each([[[2, 3]], [['n', 'm']]])('writes it to the tensor that was given for it, of shape %o', async (shape) => {
  const session = await createSession(handingOn(shape));
  const input = Tensor.allocate('float32', [2, 3]);
  input.data.set([1, 2, 3, 4, 5, 6]);
  const x = Tensor.allocate('float32', [2, 3]);
  x.data.fill(-1);
  const { copiedBytes } = await session.run({ x: input }, { outputs: { x } });
  expect([...x.data]).toEqual([1, 2, 3, 4, 5, 6]);
  expect(copiedBytes).toBe(24);
  await session.run({ x: input }, { outputs: { x: input } });
  expect([...input.data]).toEqual([1, 2, 3, 4, 5, 6]);
  const small = Tensor.allocate('float32', [1, 3]);
  expectFailure(await rejectionOf(session.run({ x: input }, { outputs: { x: small } })), 'TENSOR_SHAPE', /\[1, 3\]/);
  await session.dispose();
});

it('fills the memory that it makes for an output of fixed shape', async () => {
  const session = await createSession(handingOn([2, 3]));
  const stale = Tensor.allocate('float32', [2, 3]);
  stale.data.fill(-5);
  stale.dispose();
  using result = await session.run({ x: new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]) });
  expect([...(result.outputs['x'] as Tensor<'float32'>).data]).toEqual([1, 2, 3, 4, 5, 6]);
  await session.dispose();
});

it('gives outputs whose shape is not the one that the model declares', async () => {
  const session = await createSession(madeModel({ input: [4, 3], output: [2, 3], nodes: [node('Identity', 'x', 'y')] }));
  const x = new Tensor(
    'float32',
    Float32Array.from({ length: 12 }, (_, i) => i),
    [4, 3],
  );
  for (let run = 0; run < 2; run++) {
    using result = await session.run({ x });
    expect(result.outputs['y']?.dims).toEqual([4, 3]);
    expect(result.outputs['y']?.data[11]).toBe(11);
  }
  const y = Tensor.allocate('float32', [2, 3]);
  expectFailure(await rejectionOf(session.run({ x }, { outputs: { y } })), 'TENSOR_SHAPE', /another shape than the run gives/);
  await session.dispose();
});
