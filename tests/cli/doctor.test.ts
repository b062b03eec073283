import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import type { Diagnosis } from '../../lib/engine/index.js';
import { foveate, projectRoot, temporaryFolder } from './foveate.js';

const diagnosisOf = (stdout: string): Diagnosis => JSON.parse(stdout) as Diagnosis;

/** A shared library that runs `statement` when it is loaded. */
function libraryThat(statement: string): string {
  const folder = temporaryFolder();
  const source = join(folder, 'library.c');
  writeFileSync(
    source,
    `#include <stdio.h>\n#include <stdlib.h>\n__attribute__((constructor)) static void load(void) { ${statement} }\n`,
  );
  const library = join(folder, 'library.so');
  execFileSync('gcc', ['-shared', '-fPIC', '-o', library, source]);
  return library;
}

describe('foveate doctor', () => {
  it('finds everything, runs a model, and tells what it looked at', async () => {
    const { code, stdout, stderr } = await foveate(['doctor', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const diagnosis = diagnosisOf(stdout);
    expect(diagnosis.ok).toBe(true);
    expect(diagnosis.node).toEqual({ usable: true, detail: process.versions.node });
    expect(diagnosis.platform.detail).toMatch(/^linux-(x64|arm64), glibc 2\.\d+$/);
    expect(diagnosis.core).toMatchObject({ found: true, usable: true });
    expect(diagnosis.core.places.at(-1)).toEqual({ place: diagnosis.core.path, outcome: 'loaded' });
    expect(diagnosis.onnxruntime).toMatchObject({ found: true, usable: true });
    expect(diagnosis.onnxruntime.version).toMatch(/^1\.\d+\.\d+$/);
    expect(diagnosis.onnxruntime.providers).toContain('CPUExecutionProvider');
    expect(diagnosis.onnxruntime.places).toHaveLength(3);
    expect(diagnosis.sharp).toMatchObject({ found: true, usable: true });
    expect(diagnosis.devices.cpu).toEqual({ usable: true, detail: 'a model was run' });
    for (const device of ['tensorrt', 'tensorrt-rtx'] as const) {
      expect(diagnosis.devices[device].usable).toBe(false);
      expect(diagnosis.devices[device].remedy).toBeDefined();
    }
  });

  it('tells it to people', async () => {
    const { code, stdout } = await foveate(['doctor']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {4}Node +\d/m);
    expect(stdout).toMatch(/^ok {4}ONNX Runtime +1\./m);
    expect(stdout).toMatch(/^ok {4}cpu +a model was run$/m);
    expect(stdout).toMatch(/^no {4}tensorrt .*\n +remedy: /m);
  });

  it.each([
    ['a missing file', '/nonexistent/libonnxruntime.so', /does not exist/],
    ['another file', join(projectRoot, 'package.json'), /not a shared library/],
  ])('tells what is wrong with %s as library, and the remedy', async (_, path, detail) => {
    const env = { FOVEATE_ONNXRUNTIME_PATH: path };
    const json = await foveate(['doctor', '--json'], { env });
    expect(json.code).toBe(3);
    const { ok, onnxruntime, devices, core } = diagnosisOf(json.stdout);
    expect({ ok, core: core.usable, runtime: onnxruntime.usable, cpu: devices.cpu.usable }).toEqual({
      ok: false,
      core: true,
      runtime: false,
      cpu: false,
    });
    expect(onnxruntime.detail).toMatch(detail);
    expect(onnxruntime.remedy).toMatch(/Without the environment variable FOVEATE_ONNXRUNTIME_PATH, the package @foveate/);
    const text = await foveate(['doctor'], { env });
    expect(text.code).toBe(3);
    expect(text.stdout).toMatch(/^no {4}ONNX Runtime .*\n +remedy: /m);
  });

  it('keeps the noise of a library out of its JSON', async () => {
    const env = { FOVEATE_ONNXRUNTIME_PATH: libraryThat('printf("noise\\n"); fflush(stdout);') };
    const { code, stdout, stderr } = await foveate(['doctor', '--json'], { env });
    expect(code).toBe(3);
    expect(diagnosisOf(stdout).onnxruntime.detail).toMatch(/is not ONNX Runtime/);
    expect(stderr).toContain('noise');
  });

  it('outlives a library that crashes', async () => {
    const env = { FOVEATE_ONNXRUNTIME_PATH: libraryThat('abort();') };
    const { code, stdout } = await foveate(['doctor', '--json'], { env });
    expect(code).toBe(3);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string; hint: string } };
    expect(error.code).toBe('BACKEND_INVALID');
    expect(error.message).toMatch(/looked at 'onnxruntime' ended with SIGABRT/);
    expect(error.hint).toContain(env.FOVEATE_ONNXRUNTIME_PATH);
  });
});
