/** Whether scripts/check-binary.mjs finds symbols that older systems may not have: glibc's have versions, all others come from Node. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { binding } from '../../lib/binding/index.js';
import { projectRoot } from './node-child.js';

interface Finding {
  readonly check: string;
  readonly found: string;
  readonly violation?: string;
}
const { checkBinary } = (await import(pathToFileURL(join(projectRoot, 'scripts/check-binary.mjs')).href)) as {
  checkBinary: (bytes: Buffer) => Finding[];
};

const folder = mkdtempSync(join(tmpdir(), 'foveate-binary-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function unversioned(bytes: Buffer): Finding | undefined {
  return checkBinary(bytes).find(({ check }) => check === 'symbols of no version');
}

/** Of a library that calls Node-API, glibc and `more`, as the linker leaves it with these flags. */
function library(flags: readonly string[], more = ''): Buffer {
  const [source, file] = [join(folder, 'library.cc'), join(folder, 'library.so')];
  writeFileSync(
    source,
    `extern "C" {
    int napi_create_object();
    int node_api_symbol_for();
    int getpid();
    int perhaps() __attribute__((weak));
    ${more && `int ${more}();`}
    int own() { return 1; }
    int entry() { return napi_create_object() + node_api_symbol_for() + getpid() + own() + (perhaps ? perhaps() : 0) ${more && `+ ${more}()`}; }
    }`,
  );
  execFileSync('g++', ['-shared', '-fPIC', '-O1', ...flags, source, '-o', file]);
  return readFileSync(file);
}

describe('a symbol of no version', () => {
  it("is Node-API's in the addon that is tested", () => {
    const { found, violation } = unversioned(readFileSync(binding().file))!;
    expect(Number.parseInt(found)).toBeGreaterThan(20);
    expect(violation).toBeUndefined();
  });

  it("may be Node-API's or weak", () => {
    expect(unversioned(library([]))).toMatchObject({ found: '2 symbols', violation: undefined });
  });

  it('is refused where it is any other, by its name', () => {
    expect(unversioned(library([], 'uv_something'))!.violation).toMatch(/only Node-API's, found uv_something:/);
    // As against a glibc that does not have it yet.
    expect(unversioned(library(['-nostdlib']))!.violation).toMatch(/only Node-API's, found getpid:/);
    expect(unversioned(library(['-nostdlib'], 'napier'))!.violation).toMatch(/found getpid, napier:/);
  });
});
