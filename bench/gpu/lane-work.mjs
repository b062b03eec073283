/** The side of lanes.mjs that is JavaScript: builds an engine, runs one on lanes, or beside the bare library. Its argument is JSON, and so is what it prints. */
import { setTimeout as delay } from 'node:timers/promises';

import { buildEngine, createSession, EngineBundle } from '../../dist/index.js';
import { runsOnStandins, standinCounts } from '../../tests/standin/standins.mjs';
import { runFor, runOf } from './measure.mjs';
import { overheadOf } from './overhead.mjs';

const work = JSON.parse(process.argv[2]);
console.log(JSON.stringify(await doneOf(work)));

async function doneOf(asked) {
  if (asked.build !== undefined) return built(asked);
  return asked.overhead === undefined ? measured(asked) : overheadOf(await EngineBundle.open(asked.overhead), asked.batch);
}

async function built({ build, batch, output }) {
  const { bundle } = await buildEngine(build, { device: 'tensorrt', bake: false, output, ...(batch && { batch }) });
  return { engine: bundle.engineFile };
}

async function measured({ run: engine, lanes, batch, seconds }) {
  const session = await createSession(engine, { lanes });
  if (!runsOnStandins()) throw new Error('Only the stand-in tells how busy it is');
  const { run, inputBytes } = runOf(session, batch);
  const all = { runs: 0, copiedBytes: 0, outputBytes: 0 };
  const counted = async () => {
    const { result, outputBytes } = await run();
    all.runs++;
    all.copiedBytes += result.copiedBytes;
    all.outputBytes = outputBytes;
  };
  const look = async () => ({ ...(await standinCounts()), runs: all.runs });
  const callers = 2 * lanes;
  await runFor(counted, callers, 500);
  // Callers go on beyond the second look.
  const running = runFor(counted, callers, 1000 * seconds + 500);
  const before = await look();
  await delay(1000 * seconds);
  const after = await look();
  await running;
  const end = await look();
  await session.dispose();
  const past = (name) => after[name] - before[name];
  const copies = (kind, bytes) => ({ copies: end[kind], bytes: end[bytes] });
  return {
    runs: past('runs'),
    seconds: past('now-ns') / 1e9,
    busyShare: past('busy-ns') / past('now-ns'),
    allRuns: all.runs,
    inputBytes,
    outputBytes: all.outputBytes,
    copiedBytes: all.copiedBytes,
    toDevice: copies('uploads', 'uploaded-bytes'),
    toHost: copies('downloads', 'downloaded-bytes'),
    onDevice: copies('device-copies', 'device-copied-bytes'),
  };
}
