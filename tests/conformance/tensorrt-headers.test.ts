/** The tables of TensorRT's binary interface against NVIDIA's headers, and whether the comparison sees what is wrong. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { projectRoot, runProgram } from '../package/node-child.js';

interface Slot {
  slot: number;
  since: number;
}
interface Entry {
  owner?: string;
  name: string;
  signature?: string;
  slots: (Slot | null)[];
}
interface Table {
  methods: Entry[];
  flags: Entry[];
}

const timeoutMs = 170_000;
const folder = mkdtempSync(path.join(tmpdir(), 'foveate-conformance-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const compare = (args: readonly string[]) =>
  runProgram(process.execPath, [path.join(projectRoot, 'tests/conformance/tensorrt-headers.mjs'), ...args], { timeoutMs });

const original = readFileSync(path.join(projectRoot, 'native/runtime/tensorrt/slots.json'), 'utf8');
const latest = 4; // rtx11, whose place in the table is the last

function changed(what: (table: Table) => void): string {
  const table = JSON.parse(original) as Table;
  what(table);
  const file = path.join(folder, 'slots.json');
  writeFileSync(file, JSON.stringify(table));
  return file;
}

function entry(entries: Entry[], name: string): Entry {
  const found = entries.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`${name} is not in the table`);
  return found;
}

function latestSlot(entries: Entry[], name: string): Slot {
  const slot = entry(entries, name).slots[latest];
  if (!slot) throw new Error(`${name} has no slot`);
  return slot;
}

describe('the tables of TensorRT', () => {
  it('are those of the headers', async ({ skip }) => {
    const { code, stdout, stderr } = await compare([]);
    if (code === 3) {
      console.warn(`The tables of TensorRT were not compared with its headers.\n${stderr}`);
      skip(stderr);
    }
    expect(code, stderr).toBe(0);
    const lines = stdout.trim().split('\n');
    for (const release of ['trt 11.4', 'rtx 1.3', 'rtx 1.4', 'rtx 1.5', 'rtx 1.6', 'rtx 1.7']) {
      const line = lines.find((candidate) => candidate.startsWith(`${release}.`));
      expect(line, stdout).toMatch(/: [1-9]\d* slots, [1-9]\d* flags, [1-9]\d* structs checked, 0 mismatches$/);
    }
    expect(stdout).toMatch(/^trt10: \d+ slots, \d+ flags taken from the table, unchecked$/m);
  }, 180_000);

  const wrong: [string, (table: Table) => void, string][] = [
    ['a slot', (table) => (latestSlot(table.methods, 'createNetworkV2').slot += 1), 'VBuilder::createNetworkV2'],
    ['a destructor', (table) => (latestSlot(table.methods, 'Delete').slot -= 1), 'IParser::Delete'],
    ['a flag', (table) => (latestSlot(table.flags, 'STRICT_NANS').slot += 1), 'BuilderFlag::kSTRICT_NANS'],
    [
      'an absent method',
      (table) => (entry(table.methods, 'setComputeCapability').slots[latest] = null),
      'VBuilderConfig::setComputeCapability',
    ],
    ['a method that is too new', (table) => (latestSlot(table.methods, 'nodeName').since = 20_000), 'IParserError::nodeName'],
    [
      'a signature',
      (table) => (entry(table.methods, 'getNbLayers').signature = 'std::int64_t()'),
      'VNetworkDefinition::getNbLayers, its signature',
    ],
  ];
  it('do not pass with one wrong entry of each kind', async ({ skip }) => {
    const slots = changed((table) => {
      for (const [, change] of wrong) change(table);
    });
    const { code, stdout, stderr } = await compare(['--only', 'TRT-RTX-1.7', '--slots', slots]);
    if (code === 3) skip(stderr);
    expect(code, stderr).toBe(1);
    for (const [kind, , method] of wrong) expect(stderr, kind).toContain(`TRT-RTX-1.7: mismatch ${method}:`);
    expect(stdout).toContain(`${String(wrong.length)} mismatches`);
  }, 180_000);

  it('cannot be compared where there are no headers', async () => {
    const { code, stderr } = await compare(['--headers', folder]);
    expect(code).toBe(3);
    expect(stderr).toContain(folder);
  });
});
