/** The event loop beside two threads that burn: what no library is to blame for. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { serve } from './job.mjs';

await serve({
  burn: async ({ ms }) => {
    const workers = [0, 1].map(() => new Worker('for (;;);', { eval: true }));
    await sleep(200);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    await sleep(ms);
    delay.disable();
    await Promise.all(workers.map((worker) => worker.terminate()));
    return { loopDelayMs: delay.percentile(99) / 1e6 - 1 };
  },
});
