import { ArgumentError, ModelError } from '../../errors/index.js';
import type { ElementType } from '../element-type.js';
import type { GraphProto, ModelProto, NodeProto, ValueInfoProto } from '../onnx_pb.js';
import { valueInfo, type Dimension } from '../value-info.js';
import { sizesOfValues } from '../value-sizes.js';
import { changed } from './changed.js';
import { FreshNames } from './names.js';
import { renamedGraph } from './rename-values.js';
import { sortTopologically } from './sort-topologically.js';
import { soundModel } from './sound-model.js';
import { ValueTypes } from './value-types.js';

/** An output with scores, which a pass makes something else of. */
export interface ScoredOutput {
  readonly name: string;
  readonly dtype: ElementType;
  /** Sizes of it; null where even their number is not known. */
  readonly shape: readonly Dimension[] | null;
  readonly opset: number;
  readonly names: FreshNames;
  /** The model with these nodes after the scores, which are read by the name `scores`, and these outputs in the place of the one. */
  readonly finish: (
    make: (scores: string) => { readonly nodes: readonly NodeProto[]; readonly outputs: readonly ValueInfoProto[] },
  ) => ModelProto;
}

/**
 * The output of that name, or the only one. Throws TENSOR_NAME where there is none of it or it has to be named, MODEL_UNSUPPORTED where no node makes it
 * or it holds no scores.
 */
export function scoredOutput(model: ModelProto, wanted: string | undefined): ScoredOutput {
  const { graph, model: read, opset } = soundModel(model);
  const { outputs } = read;
  const output = wanted === undefined && outputs.length === 1 ? outputs[0] : outputs.find(({ name }) => name === wanted);
  if (output === undefined) {
    const listed = outputs.map(({ name }) => JSON.stringify(name)).join(', ');
    throw new ArgumentError('TENSOR_NAME', {
      message:
        wanted === undefined
          ? `Expected the name of an output: the model has ${outputs.length}`
          : `The model has no output ${JSON.stringify(wanted)}`,
      hint: `The outputs are ${listed}.`,
    });
  }
  const { name } = output;
  if (!graph.node.some((node) => node.output.includes(name)))
    throw unsupported(`no node makes its output ${JSON.stringify(name)}`);
  if (outputs.filter((one) => one.name === name).length > 1)
    throw unsupported(`two of its outputs have the name ${JSON.stringify(name)}`);
  const { dtype } = valueInfo(new ValueTypes(graph).valueOf(name));
  if (!scoreTypes.includes(dtype)) throw unsupported(`its output ${JSON.stringify(name)} holds ${dtype}, not scores`);
  const names = new FreshNames(graph);
  const sizes = output.shape ?? sizesOfValues(read.graph).sizes.get(name) ?? null;
  // A free batch counts as 1 there.
  const shape = output.shape ?? (sizes && sizes.map((size, axis) => (axis === 0 ? null : size)));
  return { name, dtype, shape, opset, names, finish: (make) => finished(model, graph, name, names, make) };
}

/** What engines find the largest of. */
const scoreTypes: readonly ElementType[] = ['float32', 'float16', 'float64'];

function finished(
  model: ModelProto,
  graph: GraphProto,
  name: string,
  names: FreshNames,
  make: Parameters<ScoredOutput['finish']>[0],
): ModelProto {
  const scores = names.fresh(`${name}/scores`);
  const renamed = renamedGraph(graph, new Map([[name, scores]]));
  const { nodes, outputs } = make(scores);
  const declared = renamed.output.filter((value) => value.name === scores && value.type !== undefined);
  return changed(model, {
    graph: sortTopologically(
      changed(renamed, {
        node: [...renamed.node, ...nodes],
        output: renamed.output.flatMap((value) => (value.name === scores ? outputs : [value])),
        valueInfo: [...renamed.valueInfo.filter((value) => value.name !== scores), ...declared],
      }),
    ),
    trainingInfo: [],
  });
}

/** The number of an axis counted from the front, and its size where it is known. */
export function axisOf(
  { shape, name }: ScoredOutput,
  axis: number,
): { readonly axis: number; readonly size: number | undefined } {
  if (shape === null) throw unsupported(`the number of axes of its output ${JSON.stringify(name)} is not known`);
  const fromFront = axis < 0 ? axis + shape.length : axis;
  if (fromFront < 0 || fromFront >= shape.length) {
    throw unsupported(`its output ${JSON.stringify(name)} has ${shape.length} axes, and none is axis ${axis}`);
  }
  const size = shape[fromFront];
  return { axis: fromFront, size: typeof size === 'number' ? size : undefined };
}

export function unsupported(reason: string, hint = 'Name another output, or keep this step outside of the model.'): ModelError {
  return new ModelError('MODEL_UNSUPPORTED', {
    message: `Expected a model with an output of scores but ${reason}`,
    hint,
    details: { reason },
  });
}
