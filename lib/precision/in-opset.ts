import { inlineConstants, upgradeOpset, type ModelProto } from '../graph/index.js';

/** The first opset in which elements of a type can be quantised, or computed with by all layers; `mixed` is eight bits that are quantised from FP16. */
export const firstOpset = { int8: 17, uint8: 17, float8e4m3fn: 19, int4: 21, float16: 17, bfloat16: 22, mixed: 19 } as const;

/** A model that was planned and written in opset 17, in one of at least so much: the lists that became inputs are initializers. Throws as `upgradeOpset`. */
export function inOpset(model: ModelProto, opset: number): ModelProto {
  const upgraded = upgradeOpset(model, opset);
  return upgraded === model ? model : inlineConstants(upgraded);
}
