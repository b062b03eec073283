import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSession, type Session } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';
import { fixture } from './fixtures.js';

const floats = (dims: readonly number[]): Tensor<'float32'> =>
  new Tensor('float32', new Float32Array(dims.reduce((product, dim) => product * dim, 1)), dims);

let fixed: Session;
let dynamic: Session;

beforeAll(async () => {
  fixed = await createSession(fixture('fixed.onnx'));
  dynamic = await createSession(fixture('dynamic.onnx'));
});

afterAll(async () => {
  await fixed.dispose();
  await dynamic.dispose();
});

/** After each refusal, the session still runs. */
async function refused(session: Session, inputs: unknown, options?: unknown): Promise<ReturnType<typeof rejectionOf>> {
  const error = await rejectionOf(session.run(inputs as never, options as never));
  using result =
    session === fixed
      ? await fixed.run({ a: floats([2, 3]), b: floats([2, 3]) })
      : await dynamic.run({ images: floats([1, 1, 4]) });
  expect(Object.keys(result.outputs).length).toBeGreaterThan(0);
  return error;
}

describe('names', () => {
  it('must be those of the model', async () => {
    const error = await refused(dynamic, { image: floats([1, 1, 4]) });
    expectFailure(error, 'TENSOR_NAME', /no input "image"/, /Did you mean "images"\?/);
    expect(error.details).toMatchObject({ expected: ['images'], received: 'image' });
    expectFailure(
      await refused(dynamic, { pixel_values: floats([1, 1, 4]) }),
      'TENSOR_NAME',
      /"pixel_values"/,
      /It has "images"/,
    );
  });

  it('must all be there', async () => {
    expectFailure(await refused(fixed, { a: floats([2, 3]) }), 'TENSOR_NAME', /input "b" is missing/, /"a", "b"/);
    expectFailure(await refused(fixed, {}), 'TENSOR_NAME', /input "a" is missing/);
  });

  it('of outputs must be those of the model', async () => {
    const inputs = { a: floats([2, 3]), b: floats([2, 3]) };
    expectFailure(await refused(fixed, inputs, { outputs: ['summ'] }), 'TENSOR_NAME', /no output "summ"/, /Did you mean "sum"/);
    for (const name of [5, null, undefined, ['sum']]) {
      expectFailure(
        await refused(fixed, inputs, { outputs: ['sum', name] }),
        'INVALID_ARGUMENT',
        /name of an output for outputs\[1\]/,
      );
    }
    expectFailure(await refused(fixed, inputs, { outputs: [] }), 'INVALID_ARGUMENT', /at least one output/);
  });

  it('that every object has are no inputs', async () => {
    expectFailure(
      await refused(dynamic, { images: floats([1, 1, 4]), constructor: floats([1]) }),
      'TENSOR_NAME',
      /"constructor"/,
    );
  });
});

describe('dtypes', () => {
  it('must be those of the model', async () => {
    const error = await refused(dynamic, { images: new Tensor('float64', new Float64Array(4), [1, 1, 4]) });
    expectFailure(error, 'TENSOR_DTYPE', /Expected a tensor of float32 for input "images" but received float64/);
    expect(error.details).toEqual({ name: 'images', expected: 'float32', received: 'float64' });
  });

  it('come with a hint for 16-bit floats', async () => {
    await using session = await createSession(fixture('identity_float16.onnx'));
    expectFailure(
      await rejectionOf(session.run({ x: floats([1, 3]) })),
      'TENSOR_DTYPE',
      /float16 for input "x" but received float32/,
      /Tensor\.fromFloat32/,
    );
  });

  it('of given outputs must be those of the model', async () => {
    const inputs = { a: floats([2, 3]), b: floats([2, 3]) };
    using sum = Tensor.allocate('int32', [2, 3]);
    expectFailure(await refused(fixed, inputs, { outputs: { sum } }), 'TENSOR_DTYPE', /"sum".*float32.*int32/);
  });
});

describe('shapes', () => {
  it.each([
    [[4], /received \[4\]: 3 dimensions are needed, not 1/],
    [[1, 1, 1, 4], /3 dimensions are needed, not 4/],
    [[1, 1, 5], /Expected shape \[batch, \?, 4\] for input "images" but received \[1, 1, 5\]: dimension 2 differs/],
    [[0, 1, 4], /at least one element for input "images" but received shape \[0, 1, 4\]/],
    [[], /3 dimensions are needed, not 0/],
  ])('%o is refused', async (dims, message) => {
    expectFailure(await refused(dynamic, { images: floats(dims) }), 'TENSOR_SHAPE', message);
  });

  it('tell of a fixed batch size', async () => {
    expectFailure(
      await refused(fixed, { a: floats([1, 3]), b: floats([2, 3]) }),
      'TENSOR_SHAPE',
      /dimension 0 differs/,
      /fixed batch/,
    );
  });

  it('of given outputs must fit', async () => {
    const inputs = { a: floats([2, 3]), b: floats([2, 3]) };
    using flat = Tensor.allocate('float32', [6]);
    expectFailure(await refused(fixed, inputs, { outputs: { sum: flat } }), 'TENSOR_SHAPE', /"sum".*\[2, 3\].*\[6\]/);
    using short = Tensor.allocate('float32', [1, 1, 3]);
    expectFailure(
      await refused(dynamic, { images: floats([2, 1, 4]) }, { outputs: { scores: short } }),
      'TENSOR_SHAPE',
      /scores|shape/,
    );
  });

  it('that disagree inside the graph are told by the engine', async () => {
    await using session = await createSession(fixture('gather.onnx'));
    const x = new Tensor('float32', new Float32Array(4));
    const outside = new Tensor('int64', BigInt64Array.of(99n));
    expectFailure(await rejectionOf(session.run({ x, indices: outside })), 'ENGINE_FAILED', /indices|bounds|99/i);
    using result = await session.run({ x, indices: new Tensor('int64', BigInt64Array.of(3n)) });
    expect(result.outputs['y']?.dims).toEqual([1]);
  });
});

describe('values that are no tensors', () => {
  it.each([undefined, null, 5, 'images'])('%o as inputs', async (inputs) => {
    expectFailure(await refused(dynamic, inputs), 'INVALID_ARGUMENT', /object of tensors by input name for inputs/);
  });

  it.each([new Float32Array(4), [1, 2, 3, 4], null, { dtype: 'float32', data: new Float32Array(4), dims: [1, 1, 4] }])(
    '%o as an input',
    async (value) => {
      expectFailure(await refused(dynamic, { images: value }), 'INVALID_ARGUMENT', /a Tensor for input "images"/);
    },
  );

  it('as an output', async () => {
    const inputs = { a: floats([2, 3]), b: floats([2, 3]) };
    expectFailure(
      await refused(fixed, inputs, { outputs: { sum: floats([2, 3]) } }),
      'INVALID_ARGUMENT',
      /a Tensor in native memory for output "sum"/,
      /Tensor\.allocate/,
    );
    expectFailure(await refused(fixed, inputs, { outputs: { sum: null } }), 'INVALID_ARGUMENT', /native memory for output "sum"/);
    expectFailure(await refused(fixed, inputs, { outputs: 'sum' }), 'INVALID_ARGUMENT', /outputs/);
    expectFailure(await refused(fixed, inputs, { outputs: null }), 'INVALID_ARGUMENT', /outputs/);
  });

  it('are told from tensors that were disposed of', async () => {
    const input = Tensor.allocate('float32', [1, 1, 4]);
    input.dispose();
    expectFailure(await refused(dynamic, { images: input }), 'DISPOSED', /disposed/);
    const sum = Tensor.allocate('float32', [2, 3]);
    sum.dispose();
    const inputs = { a: floats([2, 3]), b: floats([2, 3]) };
    expectFailure(await refused(fixed, inputs, { outputs: { sum } }), 'DISPOSED', /disposed/);
  });
});

describe('options', () => {
  it.each([
    [{ output: ['sum'] }, 'UNKNOWN_OPTION', /"output" in run options/, /"outputs"/],
    [null, 'INVALID_ARGUMENT', /run options/, /^/],
    [{ signal: 'abort' }, 'INVALID_ARGUMENT', /an AbortSignal for signal/, /^/],
  ] as const)('%o are refused', async (options, code, message, hint) => {
    expectFailure(await refused(fixed, { a: floats([2, 3]), b: floats([2, 3]) }, options), code, message, hint);
  });
});
