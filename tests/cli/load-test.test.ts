import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';

import type { LoadReport } from '../../lib/index.js';
import { foveate, models, picture, picturesFolder, temporaryFolder } from './foveate.js';

const folder = temporaryFolder();
const received: { method: string | undefined; type: string | undefined; bytes: number }[] = [];
const server = createServer((request, response) => {
  let bytes = 0;
  request
    .on('data', (piece: Buffer) => (bytes += piece.length))
    .on('end', () => {
      received.push({ method: request.method, type: request.headers['content-type'], bytes });
      response.statusCode = request.url === '/broken' ? 500 : 200;
      response.end('{}');
    });
});
let origin = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => void server.close());

const short = ['--duration', '400ms', '-q'];

describe('foveate load-test', () => {
  it('sends files to a URL, tells what came of it, and writes all files', async () => {
    const files = ['load.json', 'load.csv', 'load.md', 'load.svg'].map((name) => join(folder, name));
    const [json, csv, markdown, plot] = files as [string, string, string, string];
    received.length = 0;
    const { code, stdout, stderr } = await foveate([
      ...['load-test', `${origin}/detect`, '--rate', '3000/min', '--constant', ...short, '--header', 'content-type: image/jpeg'],
      ...['--body', picture('circle.jpg'), picture('star.jpg'), '--max-errors', '1%'],
      ...['--save', json, '--csv', csv, '--markdown', markdown, '--plot', plot],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/\nOpen loop, steady:50, constant arrivals, 0\.400 s\n/);
    expect(stdout).toMatch(/\nOutcomes: HTTP 200 20\.\n/);
    expect(stdout).toMatch(/\npass {2}failed requests: 0\.0 %, at most 1\.0 %\n$/);
    expect(received).toHaveLength(20);
    expect(received.every(({ method, type }) => method === 'POST' && type === 'image/jpeg')).toBe(true);
    expect(new Set(received.map(({ bytes }) => bytes))).toEqual(
      new Set(['circle.jpg', 'star.jpg'].map((name) => readFileSync(picture(name)).length)),
    );
    expect((JSON.parse(readFileSync(json, 'utf8')) as LoadReport).requests.answered).toBe(20);
    expect(readFileSync(csv, 'utf8')).toMatch(/^second,intended,/);
    expect(readFileSync(markdown, 'utf8')).toMatch(/^# http:/);
    expect(readFileSync(plot, 'utf8')).toMatch(/^<svg /);
  });

  it('ends with 1 where a limit is missed', async () => {
    const { code, stdout } = await foveate([
      'load-test',
      `${origin}/broken`,
      '--rate',
      '20',
      ...short,
      '--max-errors',
      '1%',
      '--json',
    ]);
    expect(code).toBe(1);
    expect((JSON.parse(stdout) as LoadReport).verdicts).toEqual([{ limit: 'maxErrors', most: 0.01, found: 1, passed: false }]);
  });

  it('puts a model under load, with pictures', async () => {
    const args = ['--device', 'cpu', '--data', picturesFolder, '--concurrency', '2', '--max-batch', '2', '--json', ...short];
    const { code, stdout } = await foveate(['load-test', models.classifier, ...args]);
    expect(code).toBe(0);
    const { requests, batching, loop } = JSON.parse(stdout) as LoadReport;
    expect(loop).toEqual({ kind: 'closed', concurrency: 2, thinkMs: 0 });
    expect(requests.failed).toBe(0);
    expect(batching?.batches).toBeGreaterThan(0);
  });

  it('shows what was measured when it is interrupted', async () => {
    const { code, stdout } = await foveate(['load-test', `${origin}/detect`, '--rate', '20', '--duration', '120s'], {
      onStderr: (child, text) => void (text.includes('/120 seconds') && child.kill('SIGINT')),
    });
    expect(code).toBe(130);
    expect(stdout).toMatch(/\nInterrupted: this is what was measured until then\.\n$/);
  });

  test.each([
    [['http://127.0.0.1/'], /requests a second for --rate/],
    [['http://127.0.0.1/', '--rate', 'fast'], /Expected a rate, as 50\/s/],
    [['http://127.0.0.1/', '--shape', 'wave'], /for --shape but received "wave"/],
    [['http://127.0.0.1/', '--rate', '1', '--lanes', '2'], /none with a URL for --lanes/],
    [['http://127.0.0.1/', '--rate', '1', '--device', 'cpu'], /none with a URL/],
    [['http://127.0.0.1/', '--rate', '1', '--header', 'nothing'], /a name and a value for --header/],
    [[models.classifier, '--rate', '1', '--body', 'a'], /none with a model|Cannot read a/],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await foveate(['load-test', ...args, ...short]);
    expect(stderr).toMatch(message);
    expect(code).not.toBe(0);
  });
});
