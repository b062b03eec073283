import type { OnnxModel, OnnxNode, OnnxTensor } from '../graph/index.js';
import type { PreprocessOptions } from '../image/index.js';

type Values = Pick<PreprocessOptions, 'scale' | 'mean' | 'std'>;

/** Handed on as they are, or only moved. */
const passing = ['Identity', 'Cast', 'Transpose'];

const asTheyAre = { mean: [0, 0, 0], std: [1, 1, 1] } as const;

/**
 * What the values of a model's input are to be where the model itself begins with normalising them: pixels from 0 to 255, or from 0 to 1.
 * Undefined where it does not, or does something else.
 */
export function graphNormalization(graph: OnnxModel, input: string): Values | undefined {
  const factors = [1, 1, 1];
  const offsets = [0, 0, 0];
  let value = input;
  let steps = 0;
  for (;;) {
    const [node, another] = graph.nodes.filter((candidate) => candidate.inputs.includes(value));
    if (node === undefined || another !== undefined) break;
    if (!passing.includes(node.opType)) {
      const constant = operand(graph, node, value);
      if (constant === undefined) break;
      apply(node.opType, constant, factors, offsets);
      steps++;
    }
    value = node.outputs[0] ?? '';
  }
  return steps === 0 ? undefined : rangeOf(factors, offsets);
}

/** The constant, one number or three, that a sum, difference, product or quotient joins with `value`. */
function operand(graph: OnnxModel, { opType, inputs }: OnnxNode, value: string): readonly number[] | undefined {
  const commutes = opType === 'Mul' || opType === 'Add';
  const isFirst = inputs[0] === value;
  if (!commutes && !((opType === 'Sub' || opType === 'Div') && isFirst)) return undefined;
  const numbers = numbersOf(constantOf(graph, inputs[isFirst ? 1 : 0] ?? ''));
  return numbers?.length === 1 || numbers?.length === 3 ? numbers : undefined;
}

function constantOf(graph: OnnxModel, name: string): OnnxTensor | undefined {
  const initializer = graph.initializers.get(name);
  if (initializer !== undefined) return initializer;
  const made = graph.nodes.find(({ opType, outputs }) => opType === 'Constant' && outputs.includes(name));
  return made?.attributes.get('value') as OnnxTensor | undefined;
}

function numbersOf(tensor: OnnxTensor | undefined): readonly number[] | undefined {
  if (tensor === undefined || tensor.elementCount > 3 || tensor.dtype === 'float16' || tensor.dtype === 'bfloat16')
    return undefined;
  return tensor.data && Array.from(tensor.data, Number);
}

function apply(opType: string, constant: readonly number[], factors: number[], offsets: number[]): void {
  for (let channel = 0; channel < 3; channel++) {
    const number = constant[channel % constant.length] as number;
    const factor = opType === 'Mul' ? number : opType === 'Div' ? 1 / number : 1;
    const offset = opType === 'Add' ? number : opType === 'Sub' ? -number : 0;
    factors[channel] = (factors[channel] as number) * factor;
    offsets[channel] = (offsets[channel] as number) * factor + offset;
  }
}

/** Told from where the values end: networks take values around 0, not far beyond 1, or pixels without their mean. */
function rangeOf(factors: readonly number[], offsets: readonly number[]): Values | undefined {
  const every = (isSo: (factor: number, offset: number) => boolean): boolean =>
    factors.every((factor, channel) => isSo(factor, offsets[channel] as number));
  const isNormalised = every((a, b) => a > 0.001 && a < 0.05 && b > -5 && 255 * a + b < 5);
  const isCentred = every((a, b) => a === 1 && b < -60 && b > -160);
  if (isNormalised || isCentred) return { scale: 1, ...asTheyAre };
  if (every((a, b) => a >= 1 && a < 8 && b > -3.5 && b < -0.3)) return { scale: 1 / 255, ...asTheyAre };
  return undefined;
}
