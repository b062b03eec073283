import { asMarkup, markup, type Markup } from '../../text/index.js';
import type { EvaluationResult, MetricIntervals, MetricValues } from '../evaluation-result.js';
import type { GateVerdict } from '../gate.js';
import { isNumber, metricText } from './metric.js';

/**
 * An evaluation as JUnit XML, for the test pages of GitHub, GitLab and Jenkins: a test case for each metric and each class, skipped where
 * there was nothing to count, and one for each verdict of a gate, which alone can fail.
 */
export function junitReport(result: EvaluationResult, verdicts: readonly GateVerdict[] = []): string {
  const suites = [
    ...(verdicts.length === 0 ? [] : [{ name: 'gate', cases: verdicts.map((verdict) => verdictCase(result, verdict)) }]),
    { name: 'metrics', cases: metricCases(result) },
    { name: 'classes', cases: classCases(result) },
  ];
  const all = suites.flatMap(({ cases }) => cases);
  const time = timestamp(result.made);
  return `${markup`${asMarkup('<?xml version="1.0" encoding="UTF-8"?>')}
<testsuites name="foveate ${result.task}" ${tally(all)} time="0">${suites.map(
    ({ name, cases }) => markup`
  <testsuite name="${name}" ${tally(cases)} time="0"${time !== undefined && markup` timestamp="${time}"`}>${
    name === 'metrics' && properties(result)
  }${cases.map(({ text }) => text)}${name === 'metrics' && unevaluated(result)}
  </testsuite>`,
  )}
</testsuites>
`}`;
}

interface TestCase {
  readonly outcome: 'passed' | 'failed' | 'skipped';
  readonly text: Markup;
}

function tally(cases: readonly TestCase[]): Markup {
  const count = (wanted: TestCase['outcome']): number => cases.filter(({ outcome }) => outcome === wanted).length;
  return markup`tests="${cases.length}" failures="${count('failed')}" errors="0" skipped="${count('skipped')}"`;
}

function testCase({ task }: EvaluationResult, suite: string, name: string, outcome: TestCase['outcome'], body: Markup): TestCase {
  const text = markup`
    <testcase name="${name}" classname="foveate.${task}.${suite}" time="0">${body}</testcase>`;
  return { outcome, text };
}

function verdictCase(result: EvaluationResult, { name, passed, message, value, limit }: GateVerdict): TestCase {
  const numbers = [
    ...(isNumber(value) ? [`value ${value}`] : ['nothing to count']),
    ...(isNumber(limit) ? [`limit ${limit}`] : []),
  ].join(', ');
  if (passed) return testCase(result, 'gate', name, 'passed', markup`<system-out>${message} (${numbers})</system-out>`);
  return testCase(result, 'gate', name, 'failed', markup`<failure message="${message}" type="gate">${numbers}</failure>`);
}

function metricCases(result: EvaluationResult): TestCase[] {
  return Object.entries(result.metrics).map(([name, value]) =>
    isNumber(value)
      ? testCase(result, 'metrics', name, 'passed', markup`<system-out>${valueText(name, value, result.intervals)}</system-out>`)
      : testCase(result, 'metrics', name, 'skipped', nothing),
  );
}

function classCases(result: EvaluationResult): TestCase[] {
  return result.classes.map(({ name, count, metrics }) => {
    if (!Object.values(metrics).some(isNumber)) return testCase(result, 'classes', name, 'skipped', nothing);
    const lines = [`count: ${count}`, ...namedValues(metrics)].join('\n');
    return testCase(result, 'classes', name, 'passed', markup`<system-out>${lines}</system-out>`);
  });
}

const nothing = markup`<skipped message="nothing to count"/>`;

function namedValues(metrics: MetricValues): string[] {
  return Object.entries(metrics).map(([name, value]) => `${name}: ${metricText(name, value)}`);
}

function valueText(name: string, value: number, intervals: MetricIntervals): string {
  const interval = intervals[name];
  const ends = interval?.map((end) => metricText(name, end)).join(' to ');
  return ends === undefined ? metricText(name, value) : `${metricText(name, value)} (95 %: ${ends})`;
}

function properties({ foveate, model, dataset }: EvaluationResult): Markup {
  const values: Readonly<Record<string, string | undefined>> = {
    foveate,
    model: model?.name,
    'model.sha256': model?.sha256,
    'model.device': model?.device,
    dataset: dataset.name,
    'dataset.sha256': dataset.sha256,
    images: String(dataset.images),
  };
  const told = Object.entries(values).filter(([, value]) => value !== undefined);
  return markup`
    <properties>${told.map(
      ([name, value]) => markup`
      <property name="${name}" value="${value}"/>`,
    )}
    </properties>`;
}

/** Pictures that could not be evaluated are no failed test: whether they matter, a gate says. */
function unevaluated({ failures }: EvaluationResult): Markup | undefined {
  if (failures.length === 0) return undefined;
  const lines = failures.map(({ image, code, message }) => `${image}: ${code}: ${message}`).join('\n');
  return markup`
    <system-err>${lines}</system-err>`;
}

/** Without a zone, in UTC: the schema that most readers come from takes no other. */
function timestamp(made: string): string | undefined {
  const time = new Date(made);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString().slice(0, 19);
}
