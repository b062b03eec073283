/** Energy that the machine's own counters tell of: of all that runs on it, not of this process alone. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { EngineError } from '../errors/index.js';

/** Linux's counters of processors and their memory (RAPL), of Intel and AMD alike. https://docs.kernel.org/power/powercap/powercap.html */
const powercap = '/sys/class/powercap';

/** What the counters showed, in microjoules, in the order of the meter's. */
export type EnergyReading = readonly number[];

/** Why there is no meter. */
export interface NoEnergy {
  readonly reason: string;
}

interface Counter {
  readonly file: string;
  /** Where it begins again at 0, in microjoules. */
  readonly range: number;
}

/** Reads energy counters, whose differences are joules. */
export class EnergyMeter {
  /** What it counts, such as `package-0, dram`. */
  readonly domains: readonly string[];
  readonly #counters: readonly Counter[];

  private constructor(domains: readonly string[], counters: readonly Counter[]) {
    this.domains = domains;
    this.#counters = counters;
  }

  /** The counters of this machine, in `folder`, or why there are none. */
  static async open(folder: string = powercap): Promise<EnergyMeter | NoEnergy> {
    const zones = (await readdir(folder).catch(() => [])).filter((name) => /^intel-rapl:\d+(:\d+)?$/.test(name)).sort();
    if (zones.length === 0) {
      return { reason: `this machine has no energy counters that Linux shows (${join(folder, 'intel-rapl:*')})` };
    }
    const domains: string[] = [];
    const counters: Counter[] = [];
    for (const zone of zones) {
      const path = join(folder, zone);
      try {
        const domain = await textOf(join(path, 'name'));
        // Cores are in their package already, and psys holds the packages again.
        if (!/^(package-\d+|dram)/.test(domain)) continue;
        const range = numberIn(await textOf(join(path, 'max_energy_range_uj')));
        const file = join(path, 'energy_uj');
        numberIn(await textOf(file));
        domains.push(domain);
        counters.push({ file, range });
      } catch (error) {
        return { reason: reasonOf(error, join(path, 'energy_uj')) };
      }
    }
    if (counters.length === 0) return { reason: `no counter in ${folder} is of a processor` };
    return new EnergyMeter(domains, counters);
  }

  /** What the counters show now. Throws ENGINE_FAILED where they cannot be read any more. */
  async read(): Promise<EnergyReading> {
    try {
      return await Promise.all(this.#counters.map(async ({ file }) => numberIn(await textOf(file))));
    } catch (cause) {
      throw new EngineError('ENGINE_FAILED', {
        message: `Cannot read the energy counters: ${(cause as Error).message}`,
        cause,
      });
    }
  }

  /** Joules between two readings, of which the counters may have begun anew once. */
  joules(before: EnergyReading, after: EnergyReading): number {
    return this.#counters.reduce((sum, { range }, i) => {
      const [start, end] = [before[i] as number, after[i] as number];
      return sum + (end >= start ? end - start : end - start + range) / 1e6;
    }, 0);
  }
}

async function textOf(file: string): Promise<string> {
  return (await readFile(file, 'utf8')).trim();
}

function numberIn(text: string): number {
  const value = Number(text);
  if (text === '' || !(value >= 0)) throw new Error(`expected a number but found ${JSON.stringify(text.slice(0, 40))}`);
  return value;
}

function reasonOf(error: unknown, file: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return `the energy counters may be read by root alone (${file}); sudo chmod a+r lets all read them until the next start`;
  }
  return `the energy counters cannot be read: ${message}`;
}
