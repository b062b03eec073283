/** `node scripts/gpu/summary.mjs RESULTS`: one line with the tests of all reports in the folder, and where they ran. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const reports = readdirSync(folder).filter((name) => /^tests-.*\.json$/.test(name));
const total = { passed: 0, failed: 0, skipped: 0 };
const places = new Set();
for (const name of reports) {
  const { numPassedTests, numFailedTests, numPendingTests, testResults } = JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const broken = testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  total.passed += numPassedTests;
  total.failed += numFailedTests + broken.length;
  total.skipped += numPendingTests;
  for (const { fullName, status } of testResults.flatMap((file) => file.assertionResults))
    if (status === 'passed') places.add(/ (on (?:stand-ins|.*?))(?: |$)/.exec(fullName)?.[1] ?? 'nobody knows where');
}
console.log(
  `\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped${places.size > 0 ? ` (${[...places].join(', ')})` : ''}`,
);
