/** Limits as they are typed. */
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { budgetOf, budgetOptions, type BudgetOptionValues } from '../../lib/cli/budget-options.js';

function parsed(...args: string[]): ReturnType<typeof budgetOf> {
  const command = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of budgetOptions()) command.addOption(option);
  command.parse(args, { from: 'user' });
  return budgetOf(command.opts<BudgetOptionValues>());
}

describe('a budget', () => {
  it('is none where nothing is said', () => {
    expect(parsed()).toBeUndefined();
  });

  it.each([
    [['--max-drop', '1%'], { maxDrop: 0.01 }],
    [['--max-drop', '0.5 %'], { maxDrop: 0.005 }],
    [['--max-drop', '0.02'], { maxDrop: 0.02 }],
    [['--max-drop', '0'], { maxDrop: 0 }],
    [['--target-latency', '20ms'], { latencyMs: 20 }],
    [['--target-latency', '2.5'], { latencyMs: 2.5 }],
    [['--target-fps', '40'], { latencyMs: 25 }],
    [['--target-size', '5MB'], { bytes: 5e6 }],
    [['--target-size', '1.5 MiB'], { bytes: 1.5 * 2 ** 20 }],
    [['--target-size', '700000'], { bytes: 7e5 }],
  ] as const)('%o', (args, budget) => {
    expect(parsed(...args)).toEqual({ maxDrop: undefined, latencyMs: undefined, bytes: undefined, ...budget });
  });

  it.each([
    ['--max-drop', '100%'],
    ['--max-drop', '-1%'],
    ['--max-drop', 'little'],
    ['--target-latency', '0'],
    ['--target-latency', '20s'],
    ['--target-fps', '0'],
    ['--target-size', '5 apples'],
    ['--target-size', '0MB'],
    ['--target-fps', '30', '--target-latency', '20'],
  ])('%s %s is refused', (...args) => {
    expect(() => parsed(...args)).toThrow();
  });
});
