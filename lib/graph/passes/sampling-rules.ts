import { integers } from '../shape-rule.js';
import type { BatchAxis } from './batch-axis.js';
import type { BatchStep } from './batch-step.js';

/** Resize, and Upsample, which it replaced. What it makes of the axis of the pictures must be that axis again. */
export function resize(step: BatchStep): BatchAxis {
  const batch = step.only;
  const { attributes, inputs } = step.node;
  const axes = integers(step.node, 'axes')?.map((axis) => step.fromFront(axis, step.rank(0)));
  const at = axes === undefined ? batch.axis : axes.indexOf(batch.axis);
  if (at < 0) return batch;
  if (attributes.get('coordinate_transformation_mode') === 'tf_crop_and_resize') step.refuse('crops along all axes');
  if ((attributes.get('keep_aspect_ratio_policy') ?? 'stretch') !== 'stretch') step.refuse('takes its scale from all axes');
  if ((inputs[3] ?? '') !== '') keepSize(step, batch, at);
  else if (scales(step)?.[at] !== 1)
    step.refuse(`resizes axis ${batch.axis}, on which the pictures lie, or it is not known whether it does`);
  return batch;
}

function scales(step: BatchStep): readonly (number | null)[] | undefined {
  const attribute = step.node.attributes.get('scales');
  if (Array.isArray(attribute)) return attribute as readonly number[];
  // Two inputs are those of opset 10: no region of interest is among them.
  return step.elements(step.node.inputs.length === 2 ? 1 : 2)?.map(({ value }) => value);
}

/** Of the target sizes, that of the batch has to grow with it. */
function keepSize(step: BatchStep, { outer, inner }: BatchAxis, at: number): void {
  const targets = step.elements(3);
  const values = targets?.flatMap(({ value, grows }, index) => (value === null || (grows && index !== at) ? [] : [value]));
  if (targets === undefined || values === undefined || values.length !== targets.length) {
    step.refuse('has target sizes that are known only when the model runs');
  }
  if (values[at] !== outer * step.count * inner) step.refuse('resizes the axis on which the pictures lie');
  if (targets[at]?.grows !== true) step.setGrowingList(3, values, at, outer * inner);
}

/** `[N, C, …]` and a grid `[N, …, 2]`. */
export function gridSample(step: BatchStep): BatchAxis {
  const batch = step.together([0, 1]);
  if (batch.axis !== 0) step.refuse(`takes axis 0 for the batch, but the pictures lie on axis ${batch.axis}`);
  return batch;
}
