/** Energy counters, in folders that stand for those of Linux. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { EnergyMeter } from '../../lib/optimize/energy.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'foveate-energy-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function zone(name: string, domain: string, energy: number | string, range = 1_000_000): string {
  const path = join(folder, name);
  mkdirSync(path);
  writeFileSync(join(path, 'name'), `${domain}\n`);
  writeFileSync(join(path, 'energy_uj'), `${energy}\n`);
  writeFileSync(join(path, 'max_energy_range_uj'), `${range}\n`);
  return join(path, 'energy_uj');
}

async function openMeter(): Promise<EnergyMeter> {
  const meter = await EnergyMeter.open(folder);
  if (!(meter instanceof EnergyMeter)) throw new Error(meter.reason);
  return meter;
}

describe('energy counters', () => {
  it('are of packages and memory: cores and the whole system would count twice', async () => {
    const first = zone('intel-rapl:0', 'package-0', 100);
    zone('intel-rapl:0:0', 'core', 50);
    const memory = zone('intel-rapl:0:1', 'dram', 7);
    const second = zone('intel-rapl:1', 'package-1', 200);
    zone('intel-rapl:2', 'psys', 9000);
    mkdirSync(join(folder, 'intel-rapl'));
    const meter = await openMeter();
    expect(meter.domains).toEqual(['package-0', 'dram', 'package-1']);
    const before = await meter.read();
    writeFileSync(first, '1000100');
    writeFileSync(memory, '500007');
    writeFileSync(second, '200');
    expect(meter.joules(before, await meter.read())).toBeCloseTo(1.5, 9);
  });

  it('begin again at 0', async () => {
    const file = zone('intel-rapl:0', 'package-0', 900_000);
    const meter = await openMeter();
    const before = await meter.read();
    writeFileSync(file, '300000');
    expect(meter.joules(before, await meter.read())).toBeCloseTo(0.4, 9);
  });

  it('that are not there are told', async () => {
    expect(await EnergyMeter.open(folder)).toEqual({ reason: expect.stringContaining('no energy counters') as string });
    expect(await EnergyMeter.open(join(folder, 'none'))).toHaveProperty('reason');
    zone('intel-rapl:0', 'psys', 1);
    expect(await EnergyMeter.open(folder)).toEqual({ reason: expect.stringContaining('no counter') as string });
  });

  it.skipIf(process.getuid?.() === 0)('that only root may read are told', async () => {
    chmodSync(zone('intel-rapl:0', 'package-0', 1), 0);
    expect(await EnergyMeter.open(folder)).toEqual({ reason: expect.stringMatching(/root alone .*chmod a\+r/) as string });
  });

  it('that hold no number are told, and fail when they cease to', async () => {
    const file = zone('intel-rapl:0', 'package-0', 5);
    const meter = await openMeter();
    writeFileSync(file, '');
    expectFailure(await rejectionOf(meter.read()), 'ENGINE_FAILED', /energy counters.*""/);
    expect(await EnergyMeter.open(folder)).toEqual({ reason: expect.stringContaining('cannot be read') as string });
  });
});
