import { diffModels } from '../graph/index.js';
import { diffLines } from './graph-diff-report.js';
import { readGraph } from './graph-source.js';
import type { Invocation } from './invocation.js';

/** Does what `foveate graph diff` was called for. */
export async function run(a: string, b: string, invocation: Invocation): Promise<void> {
  const { signal, document } = invocation;
  const [before, after] = [await readGraph(a, signal), await readGraph(b, signal)];
  const diff = await diffModels(before.model, after.model, { signal });
  if (!diff.same) invocation.exitCode = 1;
  if (document === undefined) invocation.out(`${diffLines(before, after, diff).join('\n')}\n`);
  else document.whole({ a: before.path, b: after.path, ...diff });
}
