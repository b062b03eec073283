/** Real requests, to real models and to a server on this machine. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { afterEach, describe, expect, it, test } from 'vitest';

import { loadTest, type LoadOptions } from '../../lib/index.js';
import { lineChart } from '../../lib/bench/report/line-chart.js';
import { loadPlot } from '../../lib/bench/report/load-plot.js';
import { loadCsv, loadMarkdown, loadTable } from '../../lib/bench/report/load-text.js';
import { expectFailure, rejectionOf } from '../errors/failure.js';

const root = join(import.meta.dirname, '../..');
const classifier = join(root, 'examples/models/shapes-classifier.onnx');
const pictures = ['circle.jpg', 'star.jpg'].map((name) => join(root, 'examples/pictures', name));
const cpu = { open: { device: 'cpu' } } as const;

let server: Server | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void): Promise<string> {
  server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => answer(request, response, Buffer.concat(pieces)));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/detect?key=secret`;
}

describe('a URL', () => {
  it('gets the bodies in turn, with method and headers, over few connections', async () => {
    const bodies: string[] = [];
    const url = await serve((request, response, body) => {
      bodies.push(`${request.method} ${request.headers['x-a']} ${body.toString()}`);
      response.end('x'.repeat(100_000));
    });
    const report = await loadTest(url, {
      ...{ rate: 100, arrivals: 'constant', durationMs: 200 },
      request: { headers: { 'x-a': '1' }, bodies: [Buffer.from('one'), Buffer.from('two')] },
    });
    expect(report.requests).toEqual({ intended: 20, answered: 20, failed: 0, outcomes: { 'HTTP 200': 20 } });
    expect(bodies.sort()).toEqual([
      ...Array.from({ length: 10 }, () => 'POST 1 one'),
      ...Array.from({ length: 10 }, () => 'POST 1 two'),
    ]);
    expect(report.target).toEqual({ kind: 'url', name: url.split('?')[0], device: null });
    expect(JSON.stringify(report)).not.toContain('secret');
    expect(report.batching).toBeNull();
  });

  it('is counted by status, and a stall by the requests that it makes wait', async () => {
    let requests = 0;
    const url = await serve((_, response) => {
      const number = requests++;
      response.statusCode = number === 3 ? 503 : 200;
      // The only connection stands still until every request was to have begun.
      if (number === 5) setTimeout(() => response.end(), 500);
      else response.end();
    });
    const report = await loadTest(url, { rate: 100, arrivals: 'constant', durationMs: 300, maxInFlight: 1 });
    expect(report.requests).toEqual({ intended: 30, answered: 29, failed: 1, outcomes: { 'HTTP 200': 29, 'HTTP 503': 1 } });
    // All that were to come during the stall had to wait for its end; by service time, one was slow.
    expect(report.responseMs.p50).toBeGreaterThan(report.serviceMs.p50 as number);
    expect(report.generator.held).toBeGreaterThanOrEqual(20);
  });

  it('fails by its deadline, and by the code of the system where nobody listens', async () => {
    const stuck = await loadTest(await serve(() => {}), {
      ...{ rate: 50, arrivals: 'constant', durationMs: 100 },
      ...{ deadlineMs: 50, maxP99Ms: 200 },
    });
    expect(stuck.requests.outcomes).toEqual({ DEADLINE_EXCEEDED: 5 });
    expect(stuck.verdicts).toEqual([{ limit: 'maxP99Ms', most: 200, found: null, passed: false }]);
    expect(loadTable(stuck).at(-1)).toBe(
      'FAIL  p99 of response times, with failed requests as infinitely slow: infinite, at most 200 ms',
    );
    const gone = await serve(() => {});
    await new Promise((resolve) => server?.close(resolve));
    const refused = await loadTest(gone, { concurrency: 1, thinkMs: 20, durationMs: 100, maxErrors: 0.5 });
    expect(Object.keys(refused.requests.outcomes)).toEqual(['ECONNREFUSED']);
    expect(refused.verdicts).toEqual([{ limit: 'maxErrors', most: 0.5, found: 1, passed: false }]);
  });
});

describe('a model', () => {
  it('is served in batches, whose sizes and reasons are told', async () => {
    const report = await loadTest(classifier, { ...cpu, shape: 'steps:20,60', durationMs: 500, arrivals: 'constant' });
    expect(report.requests).toMatchObject({ intended: 20, answered: 20, failed: 0 });
    const { batches, sizes, reasons } = report.batching as NonNullable<typeof report.batching>;
    expect(Object.entries(sizes).reduce((sum, [size, count]) => sum + Number(size) * count, 0)).toBe(20);
    expect(Object.values(reasons).reduce((sum, count) => sum + count, 0)).toBe(batches);
    const table = loadTable(report).join('\n');
    expect(table).toMatch(/^shapes-classifier\.onnx on cpu, from /);
    expect(table).toMatch(/\nOpen loop, steps:20,60, constant arrivals, 0\.500 s\n/);
    expect(table).toMatch(/\n20 requests, 40\.0 a second; /);
    expect(loadMarkdown(report)).toMatch(/^# shapes-classifier\.onnx on cpu/);
    expect(loadCsv(report).trimEnd().split('\r\n').length).toBe(1 + report.seconds.length);
    expect(loadPlot(report)).toMatch(/^<svg [^]*<\/svg>\n$/);
  });

  it('takes pictures from their bytes to results, in a closed loop, several in a batch', async () => {
    const report = await loadTest(classifier, {
      ...{ ...cpu, pictures, concurrency: 6, durationMs: 300, batcher: { maxBatch: 4, preferredSizes: [4] } },
    });
    expect(report.requests.failed).toBe(0);
    expect(report.requests.outcomes).toEqual({ ok: report.requests.answered });
    expect(Object.keys(report.batching?.sizes ?? {})).toContain('4');
    expect(report.notes.join()).toMatch(/In a closed loop/);
  });

  it('rejects what does not fit its queue, and that is counted', async () => {
    const report = await loadTest(classifier, { ...cpu, concurrency: 30, durationMs: 100, batcher: { maxQueueSamples: 2 } });
    expect(report.requests.outcomes['QUEUE_FULL']).toBeGreaterThan(0);
  });

  it('gives what was measured when it is aborted', async () => {
    const abort = new AbortController();
    const done = loadTest(classifier, {
      ...{ ...cpu, rate: 20, durationMs: 60_000, signal: abort.signal },
      onProgress: () => abort.abort(),
    });
    const report = await done;
    expect(report.interrupted).toBe(true);
    expect(loadTable(report).join('\n')).toMatch(/\nInterrupted: /);
  });
});

test.each<[string, string, LoadOptions, RegExp]>([
  ['no load', classifier, {}, /requests a second for rate/],
  ['both loops', classifier, { rate: 1, concurrency: 1 }, /none with concurrency for rate/],
  ['thinking in an open loop', classifier, { rate: 1, thinkMs: 1 }, /none with an open loop for thinkMs/],
  ['a body for a model', classifier, { rate: 1, request: {} }, /none with a model for request/],
  ['lanes for a URL', 'http://127.0.0.1/', { rate: 1, lanes: 2 }, /none with a URL for lanes/],
  ['a password in a URL', 'http://a:b@127.0.0.1/', { rate: 1 }, /a URL without a name and a password/],
  ['a URL that is none', 'http://', { rate: 1 }, /a URL or the path of a model/],
  [
    'a body with GET',
    'http://127.0.0.1/',
    { rate: 1, request: { method: 'GET', bodies: [Buffer.of(1)] } },
    /none with method GET/,
  ],
  [
    'headers that HTTP has not',
    'http://127.0.0.1/',
    { rate: 1, request: { headers: { 'a b': '1' } } },
    /headers that HTTP allows/,
  ],
  ['no pictures', classifier, { rate: 1, pictures: [] }, /at least one picture/],
  ['NaN', classifier, { rate: 1, durationMs: NaN }, /for durationMs but received NaN/],
])('%s is refused', async (_, target, options, message) => {
  expectFailure(await rejectionOf(loadTest(target, options)), 'INVALID_ARGUMENT', message);
});

it('an empty chart is a chart', () => {
  expect(lineChart('a', [{ title: 'b', xTitle: 'c', xTicks: [], lines: [{ name: 'd', points: [] }] }])).not.toMatch(
    /NaN|Infinity/,
  );
});
