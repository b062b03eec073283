/** Metrics of a GPU, of whose driver and TensorRT there are stand-ins: see tests/standin. */
import { expect, it } from 'vitest';
import { on } from '../session/standin-machine.js';

const built = new URL('../../dist/observe/prometheus.js', import.meta.url).href;

it('tell its memory, what was copied to it and from it, and how long that took', async () => {
  const found = await on(
    {},
    `
    const { Registry } = await import('prom-client');
    const { collectMetrics } = await import(${JSON.stringify(built)});
    const register = new Registry();
    collectMetrics({ register });
    const before = await register.getSingleMetricAsString('foveate_gpu_memory_bytes');
    const session = await createSession(detector, { device: 'tensorrt', build: 'on-load' });
    const images = session.allocateInput('images', [1, 3, 256, 256]);
    images.data.fill(0);
    const { outputs } = await session.run({ images });
    const bytes = Object.values(outputs).reduce((sum, { data }) => sum + data.byteLength, 0);
    const [gpu] = await gpuStatistics();
    const text = await register.metrics();
    return { before, bytes, gpu, lines: text.split('\\n').filter((line) => /_gpu_|_transfer_seconds_count|_runs_/.test(line)) };`,
  );
  expect(found.before).not.toMatch(/^foveate/m);
  const { gpu, lines } = found;
  expect(lines).toContain(`foveate_gpu_memory_bytes{gpu="0",kind="free"} ${gpu.freeBytes}`);
  expect(lines).toContain(`foveate_gpu_memory_bytes{gpu="0",kind="total"} ${gpu.totalBytes}`);
  expect(lines).toContain(`foveate_gpu_memory_bytes{gpu="0",kind="pinned"} ${gpu.pinned.liveBytes}`);
  expect(lines).toContain(`foveate_gpu_copied_bytes_total{gpu="0",direction="to_host"} ${gpu.toHost.bytes}`);
  expect(gpu.toHost.bytes).toBeGreaterThanOrEqual(found.bytes);
  expect(lines).toContain('foveate_gpu_lost{gpu="0"} 0');
  const ofRun = lines.filter((line: string) => line.includes('shapes-detector'));
  expect(ofRun.map((line: string) => line.replace(/model="[^"]*",?/, ''))).toEqual(
    expect.arrayContaining([
      'foveate_transfer_seconds_count{direction="upload"} 1',
      'foveate_transfer_seconds_count{direction="download"} 1',
      'foveate_runs_total{device="tensorrt"} 1',
    ]),
  );
});
