import type { Command } from 'commander';

import type { GateOptionValues } from './gate-run.js';
import type { Invocation } from './invocation.js';

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
    .action(async (gate: string, results: string, options: GateOptionValues) =>
      (await import('./gate-run.js')).run(gate, results, options, invocation),
    );
}
