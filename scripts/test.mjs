/**
 * `npm test`: prepares the checkout, builds everything, runs every suite, and ends with one line of totals.
 *
 * Suites: GoogleTest under AddressSanitizer with UndefinedBehaviorSanitizer, again under ThreadSanitizer (of what starts threads), each with
 * programs of sessions in Node on the stand-ins, then vitest (which includes the packed package in an empty folder). `npm test -- --only native|thread|vitest` runs one of them.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { runSanitizedPrograms } from '../tests/sanitized/run.mjs';
import { buildTypeScript } from './build-typescript.mjs';
import { onnxRuntimeLibrary, projectRoot, runVisibly } from './commands.mjs';
import { SetupError } from './setup/process.mjs';
import { setUp } from './setup/setup.mjs';

const { values } = parseArgs({ options: { only: { type: 'string' } } });
const results = mkdtempSync(join(tmpdir(), 'foveate-test-'));
const suites = {
  native: () => runNative('address'),
  thread: () => runNative('thread'),
  vitest: runVitest,
};
if (values.only !== undefined && !(values.only in suites)) {
  console.error(`Expected one of ${Object.keys(suites).join(', ')} for --only but received ${values.only}`);
  process.exit(2);
}

/** GoogleTest, built with a sanitizer: all that needs no GPU, then what has one of our own making; then Node with an addon that is built so. */
async function runNative(sanitizer) {
  await runVisibly('node', ['scripts/setup/build-native-tests.mjs', '--sanitizer', sanitizer]);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const program of ['foveate_tests', 'foveate_gpu_tests']) {
    const more = await runGoogleTest(sanitizer, program);
    for (const kind of Object.keys(counts)) counts[kind] += more[kind];
  }
  const more = await runSanitizedPrograms(sanitizer);
  for (const kind of Object.keys(counts)) counts[kind] += more[kind];
  return counts;
}

async function runGoogleTest(sanitizer, program) {
  const report = join(results, `${program}-${sanitizer}.json`);
  const exitCode = await runVisibly(
    join(projectRoot, `build/native-tests-${sanitizer}/${program}`),
    ['--gtest_brief=1', `--gtest_output=json:${report}`],
    {
      mayFail: true,
      env: {
        ...environment,
        FOVEATE_ONNXRUNTIME_PATH: onnxRuntimeLibrary(),
        ASAN_OPTIONS: 'detect_leaks=1',
        UBSAN_OPTIONS: 'print_stacktrace=1',
        LSAN_OPTIONS: `suppressions=${join(projectRoot, 'tests/native/lsan.supp')}`,
        TSAN_OPTIONS: `suppressions=${join(projectRoot, 'tests/native/tsan.supp')} halt_on_error=1`,
      },
    },
  );
  const cases = readReport(report).testsuites.flatMap((suite) => suite.testsuite);
  const counts = {
    passed: cases.filter((test) => test.result === 'COMPLETED' && !test.failures).length,
    failed: cases.filter((test) => test.failures).length,
    skipped: cases.filter((test) => test.result === 'SKIPPED').length,
  };
  return withExitCode(counts, exitCode);
}

async function runVitest() {
  await runVisibly('node', ['scripts/prebuild.mjs']);
  const report = join(results, 'vitest.json');
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const exitCode = await runVisibly(join(projectRoot, 'node_modules/.bin/vitest'), args, {
    mayFail: true,
    env: environment,
  });
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = readReport(report);
  // A file that fails before its first test counts as one failure: it must not vanish from the totals.
  const brokenFiles = testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  const failed = numFailedTests + brokenFiles.length;
  return withExitCode({ passed: numPassedTests, failed, skipped: numPendingTests + numTodoTests }, exitCode);
}

/** A leak, or a rejection that nobody handled, shows in the exit code alone. */
function withExitCode(counts, exitCode) {
  if (exitCode === 0 || counts.failed > 0) return counts;
  console.error(`No test failed, but the suite ended with exit code ${exitCode}: see above.`);
  return { ...counts, failed: 1 };
}

/** A report; a suite that crashed before it could write one is an error. */
function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new Error('A suite ended without a report: it crashed, see above.', { cause });
  }
}

const total = { passed: 0, failed: 0, skipped: 0 };
/** Where what was prepared is found. */
let environment = {};
let setupExitCode;
try {
  environment = await setUp('test');
  await runVisibly('node', ['scripts/setup/build-addon.mjs']);
  await buildTypeScript();
  for (const [name, run] of Object.entries(suites)) {
    if (values.only !== undefined && values.only !== name) continue;
    console.log(`\n== ${name}`);
    try {
      const counts = await run();
      for (const kind of Object.keys(total)) total[kind] += counts[kind];
    } catch (error) {
      console.error(error instanceof SetupError ? error.message : error);
      total.failed += 1;
    }
  }
} catch (error) {
  console.error(error instanceof SetupError ? error.message : error);
  total.failed += 1;
  setupExitCode = error.exitCode;
} finally {
  rmSync(results, { recursive: true, force: true });
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : (setupExitCode ?? 1);
