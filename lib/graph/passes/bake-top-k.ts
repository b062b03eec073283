import { checkBoolean, checkInteger, checkOptions, invalidArgument } from '../../errors/index.js';
import { TensorProto_DataType as DataType, type ModelProto, type NodeProto } from '../onnx_pb.js';
import { integerList, madeNode, type MadeAttribute } from './made-nodes.js';
import { axisOf, scoredOutput, unsupported } from './scored-output.js';
import { typed } from './value-types.js';

export interface BakeTopKOptions {
  /** The output with scores `[N, C]`; by default the only one. */
  readonly output?: string | undefined;
  /** How many of the best classes it gives. */
  readonly k: number;
  /** Whether the scores are logits, of which probabilities are made first; by default false. */
  readonly softmax?: boolean | undefined;
}

/** TopK takes k as an input from here on. */
const opsetOfInput = 10;

/**
 * The same model with the best classes in the place of all scores `[N, C]`: the scores of the best `k`, best first, float32 `[N, k]` under the name that all
 * had (float64 stays), and after it the output `<name>_ids` with their class numbers, int32 `[N, k]`. Of equal scores any may come first.
 *
 * Throws TENSOR_NAME where the output is none or has to be named; MODEL_UNSUPPORTED for an output of other than floats or with other than two axes, for
 * fewer than k classes, and below opset 7; MODEL_INVALID for a damaged model; INVALID_ARGUMENT, UNKNOWN_OPTION.
 */
export function bakeTopK(model: ModelProto, options: BakeTopKOptions): ModelProto {
  if (options === undefined) throw invalidArgument('bakeTopK options', 'an object of options', options);
  checkOptions('bakeTopK options', options, ['output', 'k', 'softmax']);
  const k = checkInteger('k', options.k, 1);
  const softmax = checkBoolean('softmax', options.softmax ?? false);
  const scored = scoredOutput(model, options.output);
  const { name, names, shape, opset } = scored;
  if (shape?.length !== 2) {
    throw unsupported(
      `its output ${JSON.stringify(name)} has ${shape?.length ?? 'an unknown number of'} axes, where [N, C] has two`,
    );
  }
  const { axis, size } = axisOf(scored, 1);
  if (size !== undefined && size < k)
    throw unsupported(`its output ${JSON.stringify(name)} has ${size} classes, fewer than ${k}`, 'Use a smaller k.');
  const ids = names.fresh(`${name}_ids`);
  const elementType = scored.dtype === 'float64' ? DataType.DOUBLE : DataType.FLOAT;
  return scored.finish((scores) => {
    const nodes: NodeProto[] = [];
    let value = scores;
    const add = (opType: string, attributes: Readonly<Record<string, MadeAttribute>>): void => {
      nodes.push(madeNode(opType, [value], names.fresh(`${name}/${opType}`), attributes));
      value = nodes.at(-1)?.output[0] as string;
    };
    // Not all engines compare half floats.
    if (scored.dtype === 'float16') add('Cast', { to: DataType.FLOAT });
    if (softmax) add('Softmax', { axis });
    const best = names.fresh(`${name}/TopK`);
    const count = opset < opsetOfInput ? [] : [integerList([k], names.fresh(`${name}/k`))];
    const topK = madeNode(
      'TopK',
      [value, ...count.flatMap(({ output }) => output)],
      name,
      opset < opsetOfInput ? { axis, k } : { axis },
    );
    topK.output.push(best);
    nodes.push(...count, topK, madeNode('Cast', [best], ids, { to: DataType.INT32 }));
    const sizes = [shape[0] ?? null, k];
    return { nodes, outputs: [typed(name, elementType, sizes), typed(ids, DataType.INT32, sizes)] };
  });
}
