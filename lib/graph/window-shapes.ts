import type { OnnxNode } from './onnx-graph.js';
import { integer, integers, type ShapedNode, type Sizes, type SizesRule } from './shape-rule.js';

/** Stride, dilation and padding of a window over the spatial sizes: one row for each of `kernel`. */
function windows(node: OnnxNode, kernel: readonly (number | null)[]) {
  const strides = integers(node, 'strides');
  const dilations = integers(node, 'dilations');
  const pads = integers(node, 'pads');
  return kernel.map((size, axis) => ({
    stride: strides?.[axis] ?? 1,
    extent: size === null ? null : (size - 1) * (dilations?.[axis] ?? 1) + 1,
    begin: pads?.[axis] ?? 0,
    end: pads?.[axis + kernel.length] ?? 0,
  }));
}

/** Spatial sizes after a window slid over `spatial`. */
function slide(node: OnnxNode, spatial: readonly (number | null)[], kernel: readonly (number | null)[]): (number | null)[] {
  const autoPad = node.attributes.get('auto_pad') ?? 'NOTSET';
  const roundsUp = integer(node, 'ceil_mode', 0) === 1;
  return windows(node, kernel).map(({ stride, extent, begin, end }, axis) => {
    const size = spatial[axis] ?? null;
    if (size === null) return null;
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') return Math.ceil(size / stride);
    if (extent === null) return null;
    const padding = autoPad === 'VALID' ? 0 : begin + end;
    const steps = (size + padding - extent) / stride;
    const count = (roundsUp ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // Versions of ONNX differ on a window that begins in the padding at the end.
    return count < 0 || (roundsUp && (count - 1) * stride >= size + begin) ? null : count;
  });
}

export function pool({ node, inputs: [input] }: ShapedNode): Sizes {
  const kernel = integers(node, 'kernel_shape');
  if (!input || kernel?.length !== input.length - 2) return null;
  return [...input.slice(0, 2), ...slide(node, input.slice(2), kernel)];
}

export function globalPool({ inputs: [input] }: ShapedNode): Sizes {
  return input ? input.map((size, axis) => (axis < 2 ? size : 1)) : null;
}

/** `[N, C, …]` and weights `[M, C / group, …]`. */
export function convolution(weightsIndex: number): SizesRule {
  return ({ node, inputs }) => {
    const input = inputs[0];
    const weights = inputs[weightsIndex];
    if (!input || weights?.length !== input.length) return null;
    return [input[0] ?? null, weights[0] ?? null, ...slide(node, input.slice(2), weights.slice(2))];
  };
}

/** `[N, C, …]` and weights `[C, M / group, …]`. */
export function transposedConvolution({ node, inputs: [input, weights] }: ShapedNode): Sizes {
  if (!input || weights?.length !== input.length) return null;
  const channels = weights[1] ?? null;
  const head = [input[0] ?? null, channels === null ? null : channels * integer(node, 'group', 1)];
  const declared = integers(node, 'output_shape');
  if (declared !== undefined) return declared.length === input.length - 2 ? [...head, ...declared] : null;
  const autoPad = node.attributes.get('auto_pad') ?? 'NOTSET';
  const more = integers(node, 'output_padding');
  const spatial = windows(node, weights.slice(2)).map(({ stride, extent, begin, end }, axis) => {
    const size = input[axis + 2] ?? null;
    if (size === null) return null;
    if (autoPad === 'SAME_UPPER' || autoPad === 'SAME_LOWER') return size * stride;
    if (extent === null) return null;
    return stride * (size - 1) + (more?.[axis] ?? 0) + extent - (autoPad === 'VALID' ? 0 : begin + end);
  });
  return [...head, ...spatial];
}
