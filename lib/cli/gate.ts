import { writeFile } from 'node:fs/promises';

import type { Command } from 'commander';

import { judge, junitReport, readEvaluation, readGate, type GateVerdict } from '../evaluation/index.js';
import { writeWhole } from '../evaluation/whole-file.js';
import { paint } from './color.js';
import type { Invocation } from './invocation.js';
import { printable } from '../text/index.js';

interface GateOptionValues {
  readonly baseline?: string;
  readonly junit?: string;
}

const examples = `
Examples:
  foveate gate gate.yaml val/results.json
  foveate gate gate.yaml int8/results.json --baseline fp32/results.json --junit gate.xml

gate.yaml:
  metrics:            # of the whole data set: at least so much, or { min, max }
    AP: 0.40
    AP50: { min: 0.60 }
  maxDrop:            # against the baseline: in the metric's unit, or a part of the baseline's
    AP: 1%
  baseline: fp32/results.json
  slices:             # the worst slice of those with enough pictures
    AP: 0.30
    pictures: 30
  classes:            # the worst class
    AP50: 0.20
  latencyMs:          # of a picture: mean, p50, p95, p99; at most so much
    p95: 100
  modelBytes: 5 MB

The exit code is 0 where all is met, and 1 where something is not.`;

/** `foveate gate GATE RESULTS` */
export function addGate(program: Command, invocation: Invocation): void {
  program
    .command('gate')
    .summary('hold the results of an evaluation against limits')
    .description(
      'Holds results of foveate eval against limits: accuracy, drop against a baseline, worst slice and class, latency, size.',
    )
    .argument('<gate>', 'a YAML file of limits')
    .argument('<results>', 'results.json of foveate eval')
    .option('--baseline <file>', 'results to compare with (default: the one that the gate names)')
    .option('--junit <file>', 'write the verdicts there, for a CI system')
    .option('--json', 'print JSON')
    .addHelpText('after', examples)
    .action((gate: string, results: string, options: GateOptionValues) => run(gate, results, options, invocation));
}

async function run(gate: string, resultsPath: string, options: GateOptionValues, invocation: Invocation): Promise<void> {
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
