/** What must be the same for a run to go on. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, it } from 'vitest';

import { runSettings } from '../../lib/cli/run-settings.js';
import { encodeModel } from '../../lib/graph/index.js';
import { DataType, elsewhere, graphModel, node } from '../graph/made-graphs.js';
import { temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const model = join(folder, 'model.onnx');

it.each(['an initializer', 'a constant'])('the model is another where the other file changed that %s is in', async (where) => {
  const weights = elsewhere('w', 'w.bin', DataType.FLOAT);
  const constant = node('Constant', [], 'w', { value: { tensor: weights } });
  const isConstant = where === 'a constant';
  const nodes = [...(isConstant ? [constant] : []), node('Mul', ['x', 'w'], 'y')];
  writeFileSync(model, encodeModel(graphModel({ inputs: { x: [2] }, nodes, constants: isConstant ? [] : [weights] })));
  const weightsFile = join(folder, 'w.bin');
  const settings = async (content?: readonly number[]): Promise<unknown> => {
    if (content === undefined) rmSync(weightsFile);
    else writeFileSync(weightsFile, Float32Array.from(content));
    const destination = { format: 'json', output: undefined } as never;
    return (await runSettings(model, {}, destination, new AbortController().signal))['model'];
  };
  const [first, changed, again, missing] = [
    await settings([1, 2]),
    await settings([1, 3]),
    await settings([1, 2]),
    await settings(),
  ];
  expect(again).toBe(first);
  expect(new Set([first, changed, missing]).size).toBe(3);
});
