import { writeFile } from 'node:fs/promises';

import { judge, junitReport, readEvaluation, readGate, type GateVerdict } from '../evaluation/index.js';
import { writeWhole } from '../text/index.js';
import { paint } from './color.js';
import type { Invocation } from './invocation.js';
import { printable } from '../text/index.js';

export interface GateOptionValues {
  readonly baseline?: string;
  readonly junit?: string;
}

/** Does what `foveate gate` was called for. Loaded when it is. */
export async function run(gate: string, resultsPath: string, options: GateOptionValues, invocation: Invocation): Promise<void> {
  const rules = await readGate(gate);
  const results = await readEvaluation(resultsPath);
  const baselinePath = options.baseline ?? rules.baseline;
  const baseline = baselinePath === undefined || rules.maxDrop.size === 0 ? undefined : await readEvaluation(baselinePath);
  const verdicts = judge(rules, results, baseline);
  const failed = verdicts.filter(({ passed }) => !passed).length;
  if (failed > 0) invocation.exitCode = 1;
  const { junit } = options;
  if (junit !== undefined) await writeWhole(junit, (partial) => writeFile(partial, junitReport(results, verdicts)));
  if (invocation.document !== undefined) return invocation.document.whole({ passed: failed === 0, verdicts });
  invocation.out(`${verdicts.map(verdictLine).join('\n')}\n`);
  invocation.out(
    failed === 0 ? `Passed: ${verdicts.length} of ${verdicts.length}.\n` : `Not passed: ${failed} of ${verdicts.length}.\n`,
  );
}

function verdictLine({ passed, message }: GateVerdict): string {
  const word = passed ? paint(process.stdout, 'green', 'pass') : paint(process.stdout, 'red', 'FAIL');
  return `${word}  ${printable(message)}`;
}
