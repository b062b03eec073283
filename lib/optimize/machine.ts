import { arch, availableParallelism, cpus, platform } from 'node:os';

import type { OptimizingMachine } from './optimization-report.js';

/** What latencies were measured on. */
export function thisMachine(
  runtime: { readonly name: string; readonly version: string },
  noEnergy: string | undefined,
): OptimizingMachine {
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: availableParallelism(),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    runtime: `${runtime.name} ${runtime.version}`,
    ...(noEnergy !== undefined && { noEnergy }),
  };
}
