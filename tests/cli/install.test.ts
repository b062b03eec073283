import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeEach, describe, expect, it } from 'vitest';

import { foveate, foveateOnTerminal, temporaryFolder, type CallResult } from './foveate.js';

const version = '1.7.1.116';
const root = temporaryFolder();
let folder: string;
let cache: string;
let env: Record<string, string>;

beforeEach((context) => {
  folder = join(root, context.task.id);
  cache = join(folder, 'cache');
  mkdirSync(folder, { recursive: true });
  env = { FOVEATE_CACHE_DIR: cache };
});

const install = (...args: string[]): Promise<CallResult> => foveate(['install', 'tensorrt-rtx', ...args], { env });

/** Puts a python3 first on PATH whose pip does `download`, a shell script; `$target` is the folder for the file. */
function fakePython(download: string): void {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh
case "$*" in
  '-m pip --version') exit 0 ;;
  '-m pip download '*) ;;
  *) echo "not expected: $*" >&2; exit 1 ;;
esac
arguments="$*"
while [ "$1" != --dest ]; do shift; done
target="$2"
${download}
`;
  writeFileSync(join(bin, 'python3'), script);
  chmodSync(join(bin, 'python3'), 0o755);
  env['PATH'] = `${bin}:/usr/bin:/bin`;
}

const wrongFile = 'mkdir -p "$target"; echo wrong > "$target/wrong.whl"';

/** What lies beside the installed version, hidden folders too. */
const left = (): string[] => (existsSync(join(cache, 'tensorrt-rtx')) ? readdirSync(join(cache, 'tensorrt-rtx')) : []);

describe('foveate install', () => {
  it.each([
    [['install'], /Missing required argument 'library'/],
    [['install', 'tensorrt'], /'tensorrt' is invalid.*Allowed choices are tensorrt-rtx/],
  ])('%j is refused', async (args, message) => {
    const { code, stdout, stderr } = await foveate(args, { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });

  it('needs a terminal or --yes: nobody agrees to a licence unasked', async () => {
    const { code, stdout, stderr } = await install();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(
      /Expected a terminal to ask on, or --yes.*\[INVALID_ARGUMENT\]\nhint: Read the licence, https:.*--yes/,
    );
    expect(existsSync(cache)).toBe(false);
  });

  it('does nothing where it is installed already, and asks nothing', async () => {
    const library = join(cache, 'tensorrt-rtx', version, 'tensorrt_rtx_libs/libtensorrt_rtx.so.1');
    mkdirSync(join(library, '..'), { recursive: true });
    writeFileSync(library, '');
    env['PATH'] = '/nonexistent';
    const { code, stdout, stderr } = await install();
    expect({ code, stdout, stderr }).toEqual({
      code: 0,
      stdout: `TensorRT-RTX ${version} is already installed: ${library}\n`,
      stderr: `To install it again, delete ${join(cache, 'tensorrt-rtx', version)} first.\n`,
    });
  });

  it('tells what it is about to do before it does it', async () => {
    fakePython('echo "$arguments"; exit 1');
    const { stderr } = await install('--yes');
    expect(stderr).toMatch(/^TensorRT-RTX 1\.7\.1\.116, by NVIDIA$/m);
    expect(stderr).toMatch(/^ +download +9\d MB, 2\d\d MB unpacked$/m);
    expect(stderr).toContain(`folder    ${join(cache, 'tensorrt-rtx', version)}\n`);
    expect(stderr).toMatch(
      /^ +licence +NVIDIA Software License Agreement.*\n +https:\/\/docs\.nvidia\.com\/\S+\n.*dist-info\/.*LICENSE\.txt$/m,
    );
    expect(stderr).toMatch(
      /^-m pip download .*--no-deps --only-binary :all: --platform manylinux\S+ --dest \S+ tensorrt-rtx-cu13-libs==1\.7\.1\.116$/m,
    );
  });

  it('says what to do where there is no python3', async () => {
    env['PATH'] = '/nonexistent';
    const { code, stderr } = await install('--yes');
    expect(code).toBe(3);
    expect(stderr).toMatch(/There is no python3.*\[BACKEND_UNAVAILABLE\]\nhint: Install Python 3 with pip/);
    expect(existsSync(cache)).toBe(false);
  });

  it('says what to do where there is no pip', async () => {
    fakePython('');
    writeFileSync(join(folder, 'bin/python3'), '#!/bin/sh\necho "python3: No module named pip" >&2; exit 1\n');
    const { code, stderr } = await install('--yes');
    expect(code).toBe(3);
    expect(stderr).toMatch(/no pip.*No module named pip \[BACKEND_UNAVAILABLE\]\nhint: Install pip/);
  });

  it("passes on pip's own words where the download fails, and leaves nothing behind", async () => {
    fakePython('echo half > "$TMPDIR/half.whl"; echo "ERROR: No matching distribution found" >&2; exit 1');
    const { code, stdout, stderr } = await install('--yes');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(
      /could not download tensorrt-rtx-cu13-libs==1\.7\.1\.116: ERROR: No matching.*\[BACKEND_UNAVAILABLE\]\nhint: .*pip config/,
    );
    expect(left()).toEqual([]);
  });

  it('refuses a file that is not the pinned one, and leaves nothing behind', async () => {
    fakePython(wrongFile);
    const { code, stdout, stderr } = await install('--yes');
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
    expect(stderr).toMatch(/Expected a package with the SHA-256 [0-9a-f]{64} .* but received [0-9a-f]{64} \[BACKEND_INVALID\]/);
    expect(left()).toEqual([]);
  });

  it('tells where it cannot write', async () => {
    fakePython(wrongFile);
    writeFileSync(cache, 'a file');
    const { code, stderr } = await install('--yes');
    expect(code).toBe(4);
    expect(stderr).toMatch(/Cannot write .*cache\/tensorrt-rtx: EEXIST.*\[OUTPUT_NOT_WRITABLE\]\nhint: .*FOVEATE_CACHE_DIR/);
  });

  it('takes away what a killed process left long ago, and nothing of one that may be at work', async () => {
    fakePython(wrongFile);
    for (const name of ['.unfinished-old', '.unfinished-new']) mkdirSync(join(cache, 'tensorrt-rtx', name), { recursive: true });
    const longAgo = new Date(Date.now() - 48 * 60 * 60 * 1000);
    utimesSync(join(cache, 'tensorrt-rtx/.unfinished-old'), longAgo, longAgo);
    await install('--yes');
    expect(left()).toEqual(['.unfinished-new']);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ended by %s, it stops pip and leaves nothing behind', async (signal) => {
    const begun = join(folder, 'begun');
    fakePython(`echo $$ > "${begun}.part"; mv "${begun}.part" "${begun}"; exec sleep 60`);
    const when = (): boolean => existsSync(begun);
    const { code, stderr } = await foveate(['install', 'tensorrt-rtx', '--yes'], { env, kill: { when, signal } });
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(stderr).toMatch(signal === 'SIGINT' ? /Interrupted\n$/ : /Terminated\n$/);
    expect(left()).toEqual([]);
    expect(() => process.kill(Number(readFileSync(begun, 'utf8')), 0)).toThrow(/ESRCH/);
  });
});

describe('on a terminal', () => {
  const answered = (typed: string): ReturnType<typeof foveateOnTerminal> =>
    foveateOnTerminal(['install', 'tensorrt-rtx'], { awaited: '[y/N]', typed, env });

  it.each(['n\\n', '\\n', 'yesterday\\n', '\\x04'])('%j is no', async (typed) => {
    fakePython(wrongFile);
    const { code, shown } = await answered(typed);
    expect(shown).toMatch(/Nothing was installed\.\r\n$/);
    expect(code).toBe(1);
    expect(existsSync(cache)).toBe(false);
  });

  it.each(['y\\n', 'Yes\\n'])('%j is yes', async (typed) => {
    fakePython(wrongFile);
    const { code, shown } = await answered(typed);
    expect(shown).toMatch(/SHA-256.*BACKEND_INVALID/);
    expect(code).toBe(3);
  });

  it('Ctrl-C at the question ends it', async () => {
    const { code, shown } = await answered('\\x03');
    expect(shown).toMatch(/Interrupted\r\n$/);
    expect(code).toBe(130);
    expect(existsSync(cache)).toBe(false);
  });
});

describe('the real package', () => {
  it('is installed once, by two calls at once and over a ruin', { timeout: 300_000 }, async ({ skip }) => {
    const installed = join(cache, 'tensorrt-rtx', version);
    mkdirSync(installed, { recursive: true });
    writeFileSync(join(installed, 'LICENSE.txt'), 'a ruin');
    const calls = await Promise.all([install('--yes'), install('--yes')]);
    if (calls.some(({ stderr }) => stderr.includes('[BACKEND_UNAVAILABLE]')) && process.env['FOVEATE_REQUIRE_RTX'] !== '1') {
      console.warn(`SKIPPED: TensorRT-RTX cannot be downloaded here.\n${calls[0].stderr}`);
      skip('TensorRT-RTX cannot be downloaded here');
    }
    const library = join(installed, 'tensorrt_rtx_libs/libtensorrt_rtx.so.1');
    for (const { code, stdout, stderr } of calls) {
      expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: `TensorRT-RTX ${version} is installed: ${library}\n` });
      expect(stderr).toContain(`Its licence: ${join(installed, 'LICENSE.txt')}\n`);
    }
    expect(left()).toEqual([version]);
    expect(readdirSync(installed).sort()).toEqual(['LICENSE.txt', 'tensorrt_rtx_libs']);
    expect(readFileSync(join(installed, 'LICENSE.txt'), 'utf8')).toContain('NVIDIA SOFTWARE LICENSE AGREEMENT');
    expect(statSync(library).size).toBeGreaterThan(200e6);
    expect(existsSync(join(installed, 'tensorrt_rtx_libs/libtensorrt_onnxparser_rtx.so.1'))).toBe(true);
    expect((await install()).stdout).toContain('is already installed');
  });
});
