import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { foveate, models, picture, projectRoot } from './foveate.js';

const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as { version: string };

describe('help and version', () => {
  it('tells the version', async () => {
    expect(await foveate(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([['--help'], ['help']])('shows the verbs and exit codes with %s', async (argument) => {
    const { code, stdout, stderr } = await foveate([argument]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: foveate /);
    expect(stdout).toMatch(/\n {2}run \[options\] <model> <input\.\.\.>/);
    expect(stdout).toMatch(/\n {2}inspect \[options\] <model>/);
    expect(stdout).toMatch(/\n {2}typegen \[options\] <model>/);
    expect(stdout).toMatch(/\n {2}install \[options\] <library>/);
    expect(stdout).toMatch(/\n {2}doctor /);
    expect(stdout).toMatch(/\n {2}130 +Interrupted/);
  });

  it.each(['run', 'inspect', 'doctor'])('shows options and examples of %s', async (verb) => {
    const { code, stdout } = await foveate([verb, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/--json/);
    expect(stdout).toMatch(/Examples:\n {2}foveate /);
  });

  it('shows the help on standard error where the verb is missing', async () => {
    const { code, stdout, stderr } = await foveate([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: foveate /);
  });
});

describe('a wrong command line', () => {
  it.each([
    [['rnu', 'a', 'b'], /^error: Unknown command 'rnu' \[INVALID_ARGUMENT\]\nhint: Did you mean run\?\n$/],
    [['run', 'a', 'b', '--jsno'], /^error: Unknown option '--jsno' \[UNKNOWN_OPTION\]\nhint: Did you mean --json\?\n$/],
    [['run', 'a'], /^error: Missing required argument 'input'/],
    [['run', 'a', 'b', '--device', 'gpu'], /Allowed choices are auto, cpu, cuda, tensorrt, tensorrt-rtx/],
    [['run', 'a', 'b', '--top-k', 'many'], /'--top-k <n>' argument 'many' is invalid\. Expected a number/],
    [['run', 'a', 'b', '-o'], /'-o, --output <dir>' argument missing/],
    [['doctor', 'me'], /Too many arguments for 'doctor'/],
    [['run', 'a', '-', '-'], /Standard input \(-\) is named more than once/],
  ])('%j is refused in a few lines', async (args, message) => {
    const { code, stdout, stderr } = await foveate(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(stderr.split('\n').length).toBeLessThanOrEqual(3);
  });

  it('is answered in JSON where JSON was asked for', async () => {
    const { code, stdout } = await foveate(['run', 'a', 'b', '--json', '--tpo-k', '3']);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'UNKNOWN_OPTION', message: "Unknown option '--tpo-k'", hint: 'Did you mean --top-k?' },
    });
  });
});

describe('options that the library refuses', () => {
  it.each([
    [models.classifier, ['--top-k', '0'], /for --top-k but received 0/],
    [models.classifier, ['--threads', '-3'], /for --threads but received -3/],
    [models.detector, ['--score-threshold', '2'], /from 0 to 1 for --score-threshold but received 2/],
    [
      models.classifier,
      ['--iou-threshold', '0.5'],
      /The option --iou-threshold is for a detector, but the model is used as a classifier/,
    ],
    [models.detector, ['--top-k', '3'], /The option --top-k is for a classifier[^]*--task classify/],
    [models.detector, ['--classes', 'sqare'], /no class "sqare"[^]*"square"/],
  ])('%s %j is told in terms of the command line', async (model, options, message) => {
    const { code, stdout, stderr } = await foveate(['run', model, picture('shapes-640x480.jpg'), ...options]);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});
