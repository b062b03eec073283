/** Layers of an engine, from what TensorRT-RTX tells of them. */
import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { parseLayers } from '../../lib/engine/engine-layers.js';

const recorded = readFileSync(new URL('fixtures/layers.txt', import.meta.url), 'utf8').replace(/^Layers:/, '');
const layers = parseLayers(recorded);
const nhwc = '(NHWC) Channel major format';
const linear = '(Linear) Row major linear format';

describe('the layers of an engine', () => {
  it('are all that the library tells of, without the inputs and outputs that it lists behind them', () => {
    expect(layers).toHaveLength(14);
    expect(layers.map(({ type }) => type)).toEqual([
      'shape_call',
      'kgen',
      ...Array.from({ length: 10 }, () => 'correlation'),
      'kgen',
      'runtime_fusion',
    ]);
    expect(layers.every(({ name }) => name !== '' && !name.includes(','))).toBe(true);
  });

  it('have tensors and a kernel, but not their constants', () => {
    const features = '/features/features.0/features.0.2/Relu_output_0.1_18_myl0';
    expect(layers[1]).toEqual({
      name: '__myl_CastMulAddTran_myl0_1',
      type: 'kgen',
      inputs: [{ name: 'images', dims: [-1, 96, 96, 3], dtype: 'UInt8', format: linear }],
      outputs: [{ name: features, dims: [-1, 3, 96, 96], dtype: 'Float', format: nhwc }],
      tactic: '__myl_CastMulAddTran_0xacc60318c24f83fb61cf6d63d62b9af2',
    });
    expect(layers.at(-1)).toMatchObject({
      inputs: [{ dims: [-1, 96] }],
      outputs: [{ name: 'logits', dims: [-1, 6], dtype: 'Float', format: linear }],
      tactic: '',
    });
  });

  it('hand on what another made', () => {
    const made = new Set(['images', ...layers.flatMap(({ outputs }) => outputs.map(({ name }) => name))]);
    const read = layers.flatMap(({ inputs }) => inputs.map(({ name }) => name));
    expect(read).toHaveLength(16); // three add up the two ways through a block
    expect(read.filter((name) => !made.has(name))).toEqual([]);
  });

  it.each([
    [
      'waits for another stream',
      'Name: __mye12516_myl0_14, LayerType: signal, Inputs: [], Constants: [], Outputs: [], TacticName: , StreamId: 0, EventId: 3, Metadata: ',
      { name: '__mye12516_myl0_14', type: 'signal', inputs: [], outputs: [], tactic: '' },
    ],
    [
      'is given one number',
      'Name: n, LayerType: kgen, Inputs: [ { Name: x, Dimensions: [], Strides: [], Datatype: Int64, Format: (Linear) Row major linear format }], Outputs: [], TacticName: t, StreamId: 0, Metadata: ',
      { name: 'n', type: 'kgen', inputs: [{ name: 'x', dims: [], dtype: 'Int64', format: linear }], outputs: [], tactic: 't' },
    ],
    [
      'has brackets and commas in its names',
      'Name: a[0], b, LayerType: kgen, Inputs: [ { Name: x[1], Dimensions: [2,3], Datatype: Half, Format: f }], Outputs: [ { Name: y, z, Dimensions: [4], Datatype: Half, Format: g }], TacticName: t, StreamId: 0, Metadata: ',
      {
        name: 'a[0], b',
        type: 'kgen',
        inputs: [{ name: 'x[1]', dims: [2, 3], dtype: 'Half', format: 'f' }],
        outputs: [{ name: 'y, z', dims: [4], dtype: 'Half', format: 'g' }],
        tactic: 't',
      },
    ],
    [
      'tells less than others',
      'Name: n, LayerType: kgen, Inputs: [ { Name: x, Dimensions: [1]}]',
      { name: 'n', type: 'kgen', inputs: [{ name: 'x', dims: [1], dtype: '', format: '' }], outputs: [], tactic: '' },
    ],
  ])('can be one that %s', (_, line, layer) => {
    expect(parseLayers(line)).toEqual([layer]);
  });

  it('are none where the text is another', () => {
    for (const text of ['', '\n\n', 'Engine Metadata:\n Multi-Device: Disabled', '{"Layers": []}', 'Name: only a name']) {
      expect(parseLayers(text), text).toEqual([]);
    }
  });

  it('are read from a text that breaks off anywhere', () => {
    for (let end = 0; end < recorded.length; end += 97) {
      const known = parseLayers(recorded.slice(0, end));
      // The last may lack what was cut off; all before it are whole.
      expect(known.slice(0, -1)).toEqual(layers.slice(0, Math.max(0, known.length - 1)));
    }
  });
});
