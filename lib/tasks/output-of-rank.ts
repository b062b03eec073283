import { ModelError } from '../errors/index.js';
import type { Session } from '../session/index.js';
import { otherTaskHint } from './other-task.js';
import type { ModelOutput } from './task-model.js';

/** The one output that a task reads, the only one of that rank, or of several the one called `name`. Throws MODEL_UNSUPPORTED. */
export function soleOutput(
  session: Session,
  shapes: readonly (readonly number[])[],
  rank: number,
  name: string,
  what: string,
): ModelOutput {
  return outputOfRank(session, shapes, rank, what, (found) =>
    found.length === 1 ? found[0] : found.find((output) => output.name === name),
  );
}

/** The same, or the first of several outputs of one shape. */
export function firstOutput(session: Session, shapes: readonly (readonly number[])[], rank: number, what: string): ModelOutput {
  return outputOfRank(session, shapes, rank, what, (found) =>
    found.every(({ shape }) => `${shape}` === `${found[0]?.shape}`) ? found[0] : undefined,
  );
}

function outputOfRank(
  session: Session,
  shapes: readonly (readonly number[])[],
  rank: number,
  what: string,
  choose: (found: readonly ModelOutput[]) => ModelOutput | undefined,
): ModelOutput {
  const floats = session.outputs
    .map((output, i) => ({ name: output.name, dtype: output.dtype, shape: shapes[i] as readonly number[] }))
    .filter(({ dtype }) => dtype === 'float32' || dtype === 'float16');
  const found = floats.filter(({ shape }) => shape.length === rank);
  const output = choose(found);
  if (output === undefined) {
    const received = session.outputs.map(({ name, dtype }, i) => `${name}: ${dtype} [${shapes[i]?.join(', ')}]`).join('; ');
    throw new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected ${what} but the model's outputs are ${received}`,
      hint: `${found.length === 0 ? otherTaskHint(floats) : ''}createSession() gives the raw outputs of any model.`,
    });
  }
  return output;
}
