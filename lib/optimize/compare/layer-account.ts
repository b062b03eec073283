import type { OnnxGraph } from '../../graph/index.js';
import type { CorrespondingValues, ValuePair } from './corresponding-values.js';
import { GraphValues } from './graph-values.js';
import type { ComparedLayer, ComparedLayers, LayerInput, LeftOut } from './model-comparison.js';
import type { ValueDifference } from './value-difference.js';
import type { WalkOutcome } from './value-walk.js';

/** Operators that hand elements on as they are: a part may be noisier than the whole, but no noise comes in. */
const moving: ReadonlySet<string> = new Set([
  ...['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Split', 'Slice', 'Gather', 'Concat', 'Expand'],
  ...['Tile', 'Pad', 'MaxPool', 'DepthToSpace', 'SpaceToDepth'],
]);

/** How many names stand for many. */
const namedOf = 5;

/** Puts together what a walk over the layers found. `diverges` judges one layer. */
export function accountOfLayers(
  graph: OnnxGraph,
  { pairs, onlyA, onlyB }: CorrespondingValues,
  outcomes: readonly WalkOutcome[],
  optimization: ComparedLayers['optimization'],
  diverges: (difference: ValueDifference) => boolean,
): ComparedLayers {
  const found = new Map<string, ValueDifference>();
  pairs.forEach(({ a }, i) => {
    const outcome = outcomes[i] as WalkOutcome;
    if ('difference' in outcome) found.set(a.name, outcome.difference);
  });
  const inputsOf = nearestCompared(new GraphValues(graph), found);
  const compared = pairs.flatMap((pair): ComparedLayer[] => {
    const difference = found.get(pair.a.name);
    return difference === undefined ? [] : [layerOf(pair, difference, inputsOf(pair.a.name))];
  });
  return { optimization, compared, firstDiverging: compared.find(diverges), left: leftOut(pairs, outcomes, onlyA, onlyB) };
}

function layerOf({ a, b, by }: ValuePair, difference: ValueDifference, inputs: readonly LayerInput[]): ComparedLayer {
  const { name, node } = a;
  const before = Math.max(0, ...inputs.map(({ snrDb }) => noiseShare(snrDb)));
  const addedNoise = inputs.length === 0 || moving.has(node.opType) ? 0 : Math.max(0, noiseShare(difference.snrDb) - before);
  return {
    value: name,
    valueInB: b,
    pairedBy: by,
    node: node.name === '' ? name : node.name,
    operator: node.opType,
    ...difference,
    inputs,
    addedNoise: Number.isNaN(addedNoise) ? 0 : addedNoise,
  };
}

/** Noise over signal. */
function noiseShare(snrDb: number): number {
  return 10 ** (-snrDb / 10);
}

/** Of each value, the nearest ones before it that were compared, and the inputs of the graph, which are the same. */
function nearestCompared(graph: GraphValues, found: ReadonlyMap<string, ValueDifference>): (value: string) => LayerInput[] {
  const known = new Map<string, readonly LayerInput[]>();
  const reached = (name: string): readonly LayerInput[] => {
    const snrDb = found.get(name)?.snrDb;
    if (snrDb !== undefined) return [{ value: name, snrDb }];
    return graph.values.has(name) ? (known.get(name) ?? []) : [{ value: name, snrDb: Infinity }];
  };
  for (const { name, node } of graph.values.values()) {
    const inputs = new Map(graph.fedInputs(node).flatMap((input) => reached(input).map((one) => [one.value, one])));
    known.set(name, [...inputs.values()]);
  }
  return (value) => [...(known.get(value) ?? [])];
}

function leftOut(
  pairs: readonly ValuePair[],
  outcomes: readonly WalkOutcome[],
  onlyA: readonly string[],
  onlyB: readonly string[],
): LeftOut[] {
  const groups: readonly (readonly [string, readonly string[]])[] = [
    ['only in A', onlyA],
    ['only in B', onlyB],
    ['of another shape in B', namesWith('shape')],
    ['no floating point numbers', namesWith('type')],
    ['the engine does not give them', namesWith('failed')],
  ];
  function namesWith(problem: string): string[] {
    return pairs.flatMap(({ a }, i) => {
      const outcome = outcomes[i] as WalkOutcome;
      return 'problem' in outcome && outcome.problem === problem ? [a.name] : [];
    });
  }
  return groups
    .filter(([, names]) => names.length > 0)
    .map(([reason, names]) => ({ reason, count: names.length, names: names.slice(0, namedOf) }));
}
