/** The exposition text, read by Prometheus itself: `promtool` of Debian's package prometheus, where it is on PATH; skipped elsewhere. */
import { spawnSync } from 'node:child_process';
import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { publish } from '../../lib/events/index.js';
import { collectMetrics } from '../../lib/observe/prometheus.js';

const isThere = spawnSync('promtool', ['--version']).error === undefined;
if (!isThere) console.warn('SKIPPED: promtool is not on PATH (apt-get install prometheus).');

it.runIf(isThere)('promtool reads the metrics, and has nothing to say of their names', async () => {
  const register = new Registry();
  const stop = collectMetrics({ register });
  const model = 'a "quoted"\\model\n.onnx';
  const times = { totalMs: 9, queueMs: 1, computeMs: 2, uploadMs: 3, downloadMs: 0.5, copiedBytes: 100 };
  publish('foveate:session.run', { model, device: 'tensorrt', by: 'program', requestId: undefined, ...times });
  publish('foveate:session.fallback', { model, from: 'tensorrt', to: 'cpu', code: 'DEVICE_LOST', reason: '' });
  publish('foveate:log', { level: 'warning', runtime: 'onnxruntime', origin: '', message: '', requestIds: [] });
  const text = await register.metrics();
  stop();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' });
  expect(stdout + stderr).toBe('');
  expect(status).toBe(0);
});
