/** Which values stay float, by the noise that each makes alone. */
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../lib/graph/index.js';
import { switchedModel, trialsToKeepFloat, type FloatLimits, type MeasureTrials, type Trial } from '../../lib/precision/index.js';
import { createSession } from '../../lib/session/index.js';
import { Tensor } from '../../lib/tensor/index.js';
import { graphModel, node, scales, weights } from '../graph/made-graphs.js';

const trial = (macs: number, weights = 0): Trial => ({ value: `of ${macs}`, values: new Map(), macs, weights });
const most = (macs: number, weights = 0): FloatLimits => ({ macs, weights });
const ratioOf = (db: number): number => 10 ** (-db / 10);
/** For each trial its signal to noise in dB, in one group. */
const noise = (...db: readonly number[]): number[][] => db.map((one) => [ratioOf(one)]);

/** Noise of several adds up. Counts what is measured. */
function search(
  trials: readonly Trial[],
  own: readonly (readonly number[])[],
  limits: FloatLimits,
): Promise<{ kept: readonly number[]; sets: number }> {
  let sets = 0;
  const measure: MeasureTrials = (asked) => {
    sets += asked.length;
    const groups = own[0]?.map((_, group) => group) ?? [];
    return Promise.resolve(
      asked.map((set) => groups.map((group) => set.reduce((sum, trial) => sum + (own[trial]?.[group] ?? 0), 0))),
    );
  };
  return trialsToKeepFloat(trials, limits, measure).then((kept) => ({ kept, sets }));
}

const keptOf = async (...given: Parameters<typeof search>): Promise<readonly number[]> => (await search(...given)).kept;

describe('trialsToKeepFloat', () => {
  it('keeps none where there are none, or no output is judged', async () => {
    expect(await search([], [], most(20))).toEqual({ kept: [], sets: 0 });
    expect(await keptOf([trial(1), trial(1)], [[], []], most(20))).toEqual([]);
  });

  it('keeps none of a very good model, whatever stands out, and measures all and a half', async () => {
    expect(await search([trial(1), trial(1)], noise(30.1, 60), most(20))).toEqual({ kept: [], sets: 2 });
    expect(await search([trial(1)], noise(30.1), most(20))).toEqual({ kept: [], sets: 1 });
    expect(await keptOf([trial(1), trial(1)], noise(22, 60), most(20))).toEqual([0]);
  });

  it('takes out of a good model what a few runs find', async () => {
    expect(await search([trial(1), trial(1)], noise(23.1, 60), most(20))).toEqual({ kept: [0], sets: 2 });
    const ninety = Array.from({ length: 90 }, () => trial(1));
    // One alone is found.
    expect(await keptOf(ninety, noise(...ninety.map((_, i) => (i === 70 ? 24 : 90))), most(200))).toEqual([70]);
    // Nine of a ninth each: all of them, where they make more noise than is good.
    const nine = (total: number): number[][] => noise(...ninety.map((_, i) => (i % 10 === 5 ? total + 10 * Math.log10(9) : 90)));
    const good = await search(ninety, nine(25), most(200));
    expect(good.kept.length).toBeLessThan(9);
    expect(good.sets).toBeLessThan(28);
    expect(await keptOf(ninety, nine(13), most(200))).toHaveLength(9);
  });

  it('keeps none of a very good model whose parts cancel each other out', async () => {
    const measure: MeasureTrials = (sets) => Promise.resolve(sets.map((set) => [ratioOf(set.length === 2 ? 30.5 : 20)]));
    expect(await trialsToKeepFloat([trial(1), trial(1)], most(20), measure)).toEqual([]);
  });

  it('takes no heavy one out of a good model whose parts cancel each other out', async () => {
    const measure: MeasureTrials = (sets) => Promise.resolve(sets.map((set) => [ratioOf(set.length === 2 ? 25 : 20)]));
    expect(await trialsToKeepFloat([trial(1, 1000), trial(1, 1000)], most(20, 1), measure)).toEqual([]);
    expect(await trialsToKeepFloat([trial(1, 1), trial(1, 1000)], most(20, 1), measure)).toEqual([0]);
  });

  it('keeps what makes a tenth of the noise, the worst first, until the rest is good', async () => {
    const trials = [trial(1), trial(1), trial(1), trial(1), trial(1), trial(1)];
    expect(await keptOf(trials, noise(20, 14, 40, 40, 40, 40), most(200))).toEqual([1, 0]);
    expect(await keptOf(trials, noise(33, 14, 40, 40, 40, 40), most(200))).toEqual([1]);
  });

  it('finds the same where noise is too much to add up', async () => {
    const eight = Array.from({ length: 8 }, () => trial(1));
    expect(await keptOf(eight, noise(...eight.map(() => 17)), most(5))).toEqual([0, 1, 2, 3, 4]);
    // Twenty of a twentieth each: none is to blame.
    const twenty = Array.from({ length: 20 }, () => trial(1));
    expect(await keptOf(twenty, noise(...twenty.map(() => 17)), most(200))).toEqual([]);
  });

  it('stops at a fifth of the work, and takes what is cheap then', async () => {
    expect(await keptOf([trial(21), trial(5)], noise(0, 5), most(20))).toEqual([1]);
    expect(await keptOf([trial(20), trial(5)], noise(0, 5), most(20))).toEqual([0]);
    expect(await keptOf([trial(15), trial(5)], noise(0, 5), most(20))).toEqual([0, 1]);
    expect(await keptOf([trial(0), trial(0)], noise(0, 5), most(0))).toEqual([0, 1]);
  });

  it('takes no more weights than it may, unless for what makes a third of the noise, and looks into nothing that it may not take', async () => {
    const equal = Array.from({ length: 8 }, () => 20);
    const some = equal.map((_, index) => trial(0, index === 2 ? 1 : 5));
    expect((await keptOf(some, noise(...equal), most(0, 6))).toSorted()).toEqual([0, 2]);
    const heavy = equal.map(() => trial(0, 7));
    expect(await keptOf(heavy, noise(...equal), most(0, 6))).toEqual([]);
    expect(await search(heavy, noise(13, ...equal.slice(1).map(() => 32)), most(0, 6))).toEqual({ kept: [0], sets: 4 });
  });

  it('looks at each group by itself', async () => {
    const twoGroups = [
      [1e-6, ratioOf(13)],
      [ratioOf(35), 1e-6],
      [ratioOf(35), 1e-6],
    ];
    expect(await keptOf([trial(1), trial(1), trial(1)], twoGroups, most(20))).toEqual([0]);
  });

  it('of equals takes the first', async () => {
    expect(await keptOf([trial(1), trial(1)], noise(15, 15), most(1))).toEqual([0]);
  });

  it('finds one of a hundred in a few runs', async () => {
    const trials = Array.from({ length: 100 }, () => trial(1));
    const { kept, sets } = await search(trials, noise(...trials.map((_, i) => (i === 61 ? 13 : 60))), most(200));
    expect(kept).toEqual([61]);
    expect(sets).toBeLessThan(20);
  });
});

describe('switchedModel', () => {
  // Names as a quantiser gives them, too: what is added has others.
  const model = graphModel({
    inputs: { x: [1, 4] },
    nodes: [
      node('Mul', ['x', 'scale'], 'a'),
      node('Add', ['a', 'zero_point'], 'foveate/trial/0'),
      node('Neg', 'foveate/trial/0', 'y'),
    ],
    constants: [weights('scale', [4]), scales('zero_point', [0.25])],
    outputs: ['y'],
  });
  const by = { scale: 1, zeroPoint: 0, dtype: 'int8' } as const;
  const trials = [
    { values: new Map([['a', by]]) },
    { values: new Map([['foveate/trial/0', by]]) },
    {
      values: new Map([
        ['a', by],
        ['foveate/trial/0', by],
      ]),
    },
    { values: new Map([['x', by]]) },
  ];

  it('quantises the values of some trials, or of none', async () => {
    const { model: switched, selector } = switchedModel(model, trials);
    await using session = await createSession(encodeModel(switched), { device: 'cpu' });
    expect(session.inputs.map(({ name }) => name)).toEqual(['x', selector]);
    const x = new Tensor('float32', Float32Array.of(10.3, -20.7, 30.1, 5.2), [1, 4]);
    const run = async (...made: number[]): Promise<number[]> => {
      const chosen = Uint8Array.from(trials, (_, index) => Number(made.includes(index)));
      using result = await session.run({ x, [selector]: new Tensor('bool', chosen, [trials.length]) });
      return Array.from(result.outputs['y']!.data, Number);
    };
    const factors = new Float32Array((model.graph?.initializer[0]?.rawData as Uint8Array).buffer as ArrayBuffer);
    // Half to even, as QuantizeLinear rounds; none of these is half way.
    const expected = (onX: boolean, onA: boolean, onB: boolean): number[] =>
      Array.from(x.data as Float32Array, (value, i) => {
        const a = Math.fround((onX ? Math.round(value) : value) * (factors[i] as number));
        const b = Math.fround((onA ? Math.round(a) : a) + 0.25);
        return -(onB ? Math.round(b) : b) + 0;
      });
    expect(await run()).toEqual(expected(false, false, false));
    expect(await run(0)).toEqual(expected(false, true, false));
    expect(await run(1)).toEqual(expected(false, false, true));
    expect(await run(2)).toEqual(expected(false, true, true));
    expect(await run(3)).toEqual(expected(true, false, false));
    expect(await run(0, 3)).toEqual(expected(true, true, false));
    expect(await run(0)).not.toEqual(await run());
  });
});
