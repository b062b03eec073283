import { checkBoolean, checkInteger, checkOneOf, checkOptions } from '../../errors/index.js';
import { TensorProto_DataType as DataType, type ModelProto, type NodeProto } from '../onnx_pb.js';
import { madeNode } from './made-nodes.js';
import { axisOf, scoredOutput, unsupported } from './scored-output.js';
import { typed } from './value-types.js';

export interface BakeArgMaxOptions {
  /** The output with scores; by default the only one. */
  readonly output?: string | undefined;
  /** The axis of the classes; by default 1, as in [N, C, H, W]. A negative one counts from the end. */
  readonly axis?: number | undefined;
  /** Whether that axis stays, with size 1; by default false. */
  readonly keepDims?: boolean | undefined;
  /** Element type of the class numbers; by default uint8 where the model has at most 256 classes, else int32. */
  readonly dtype?: 'uint8' | 'int32' | 'int64' | undefined;
}

const dataTypes = { uint8: DataType.UINT8, int32: DataType.INT32, int64: DataType.INT64 } as const;

/** As many classes as a byte can number. */
const classesOfByte = 256;

/**
 * The same model with the number of the best class in the place of its scores, under the same name: of a segmentation `[N, C, H, W]` it gives `[N, H, W]`,
 * of which fewer bytes leave the device. Of equal scores the first class wins.
 *
 * Throws TENSOR_NAME where the output is none or has to be named; MODEL_UNSUPPORTED for an output of other than floats, of one class, of more than the
 * element type can number, and below opset 7; MODEL_INVALID for a damaged model; INVALID_ARGUMENT, UNKNOWN_OPTION.
 */
export function bakeArgMax(model: ModelProto, options: BakeArgMaxOptions = {}): ModelProto {
  checkOptions('bakeArgMax options', options, ['output', 'axis', 'keepDims', 'dtype']);
  const { keepDims = false } = options;
  checkBoolean('keepDims', keepDims);
  const scored = scoredOutput(model, options.output);
  const { axis, size } = axisOf(scored, checkInteger('axis', options.axis ?? 1, -16, 15));
  const { name, names, shape } = scored;
  if (size === 1)
    throw unsupported(`its output ${JSON.stringify(name)} has scores of one class`, 'Compare the scores with a threshold.');
  const fitsByte = size !== undefined && size <= classesOfByte;
  const dtype = checkOneOf('dtype', options.dtype ?? (fitsByte ? 'uint8' : 'int32'), ['uint8', 'int32', 'int64']);
  if (dtype === 'uint8' && !fitsByte) {
    throw unsupported(
      `its output ${JSON.stringify(name)} has scores of ${size ?? 'an unknown number of'} classes, too many for uint8`,
      "Use the dtype 'int32'.",
    );
  }
  const sizes = (shape ?? []).flatMap((own, index) => (index === axis ? (keepDims ? [1] : []) : [own]));
  return scored.finish((scores) => {
    const nodes: NodeProto[] = [];
    const add = (opType: string, input: string, output: string, attributes: Readonly<Record<string, number>>): string => {
      nodes.push(madeNode(opType, [input], output, attributes));
      return output;
    };
    // Not all engines compare half floats.
    const plain = scored.dtype === 'float16' ? add('Cast', scores, names.fresh(`${name}/Cast`), { to: DataType.FLOAT }) : scores;
    const ids = dtype === 'int64' ? name : names.fresh(`${name}/ArgMax`);
    add('ArgMax', plain, ids, { axis, keepdims: Number(keepDims) });
    if (ids !== name) add('Cast', ids, name, { to: dataTypes[dtype] });
    return { nodes, outputs: [typed(name, dataTypes[dtype], sizes)] };
  });
}
