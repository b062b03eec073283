import { changed, madeNode, type GraphProto, type ModelProto } from '../graph/index.js';
import { tappedModel } from './calibration-points.js';
import { QdqWriter, type Quantization } from './qdq-writer.js';
import type { Structure } from './structure.js';

/** A value that layers read, in the eight bits that a form has for it. */
export interface QuantizedValue {
  readonly value: string;
  readonly by: Quantization;
}

/** Means of the channels of a value, over all else. */
export interface ChannelMeans {
  readonly float: Float64Array;
  /** Of the same numbers, quantised and dequantised. */
  readonly quantized: Float64Array;
}

/** Where {@link meansModel} puts means: a row for each of the batch, or for each place, whose mean is then to be taken. */
export interface MeansOutputs extends QuantizedValue {
  readonly float: string;
  readonly quantized: string;
}

/** Names a value in its eight bits. */
export function quantizedKey({ value, by: { scale, zeroPoint, dtype } }: QuantizedValue): string {
  return JSON.stringify([value, scale, zeroPoint, dtype]);
}

/**
 * The same model, with the means of the channels of values as further outputs: as they are, and in eight bits. Each is quantised by itself, all that it is computed
 * from stays float. The engine takes the means, so that no value leaves it. `asked` has each value in each quantisation once.
 */
export function meansModel(
  model: ModelProto,
  structure: Structure,
  asked: readonly QuantizedValue[],
): { readonly model: ModelProto; readonly outputs: readonly MeansOutputs[] } {
  const graph = model.graph as GraphProto;
  const writer = new QdqWriter(graph);
  const outputs: MeansOutputs[] = [];
  const pooled = (value: string, name: string, isSpread: boolean): string => {
    const output = writer.fresh(`${name}/mean`);
    writer.nodes.push(madeNode(isSpread ? 'GlobalAveragePool' : 'Identity', [value], output));
    return output;
  };
  const ask = (value: string): void => {
    const own = asked.filter((one) => one.value === value);
    if (own.length === 0) return;
    // What a matrix product reads has its channels on the last axis: rows are left to whoever reads the output.
    const isSpread = structure.consumers(value).some(({ opType }) => opType === 'Conv');
    const float = pooled(value, value, isSpread);
    for (const { by } of own) {
      const rounded = writer.dequantize(writer.quantize(value, value, by), value, by);
      outputs.push({ value, by, float, quantized: pooled(rounded, rounded, isSpread) });
    }
  };
  structure.inputs.forEach(ask);
  for (const { proto, outputs: made } of structure.nodes) {
    writer.nodes.push(proto);
    made.forEach(ask);
  }
  const whole = changed(model, {
    graph: changed(graph, { node: writer.nodes, initializer: [...graph.initializer, ...writer.initializers] }),
  });
  const names = new Set(outputs.flatMap(({ float, quantized }) => [float, quantized]));
  return { model: tappedModel(whole, [...names]), outputs };
}
