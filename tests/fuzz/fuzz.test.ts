/** What the fuzzer of the ONNX reader has found and goes on from, and a short run of it. The native ones are in tests/native. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot, runProgram } from '../package/node-child.js';

async function runFuzzer(args: readonly string[]): Promise<string> {
  const script = join(projectRoot, 'tests/fuzz/onnx/fuzz.mjs');
  const { code, stdout, stderr } = await runProgram(process.execPath, [script, ...args], { timeoutMs: 110_000 });
  expect(code, `${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

it('every model that is kept is told of, or refused as promised', async () => {
  expect(await runFuzzer(['--replay'])).toMatch(/^[1-9]\d* executions.*\nnothing found/);
}, 120_000);

it('so are a thousand changed ones', async () => {
  expect(await runFuzzer(['--seed', '1', '--executions', '1000'])).toMatch(/\d+ features.*\nnothing found/);
}, 120_000);
