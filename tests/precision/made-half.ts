/** Models in half precision, made of graphs. */
import { DataType, type ModelProto } from '../../lib/graph/index.js';
import { FloatValues, planHalf, writeHalfForm, type HalfPlan, type HalfType } from '../../lib/precision/index.js';
import {
  bfloat16BitsToFloat32,
  float16BitsToFloat32,
  float32ToBfloat16Bits,
  float32ToFloat16Bits,
} from '../../lib/tensor/half.js';
import { graphModel, type MadeGraph } from '../graph/made-graphs.js';

/** Rounded to the type. */
export const half = (x: number): number => float16BitsToFloat32(float32ToFloat16Bits(x));
export const bfloat = (x: number): number => bfloat16BitsToFloat32(float32ToBfloat16Bits(x));

export interface Made {
  readonly model: ModelProto;
  readonly plan: HalfPlan;
  readonly form: ModelProto;
}

export function made(graph: MadeGraph, largest: Readonly<Record<string, number>> = {}, type: HalfType = 'float16'): Made {
  const model = graphModel(graph);
  const values = new FloatValues(model);
  const plan = planHalf(values, new Map(Object.entries(largest)), type);
  const form = writeHalfForm(model, values, plan);
  return { model, plan, form };
}

/** Operators of the nodes, in their order; of Cast, to what. */
export function operators({ graph }: ModelProto): string[] {
  return graph!.node.map(({ opType, attribute }) => {
    if (opType !== 'Cast') return opType;
    return `to ${DataType[Number(attribute.find(({ name }) => name === 'to')!.i)]}`;
  });
}

export const reasonsOf = ({ plan }: Made): string[] => [...plan.reasons].map(([{ opType }, reason]) => `${opType}: ${reason}`);
