/** A session, and the bare library in a loop (enqueue_loop.cc) on the same engine: they take turns, and the ratio is that of turns that follow each other. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { createSession } from '../../dist/index.js';
import { median, Peer } from '../statistics.mjs';
import { runFor, runOf } from './measure.mjs';
import { benchPrograms } from './programs.mjs';

const rounds = 11;
const turnMs = 400;

/**
 * One lane, one caller, without CUDA graphs and with them. The loop waits once as a thread that sleeps, once as one that asks without a pause and takes a core for it; ours sleeps.
 *
 * @param {import('../../dist/index.js').EngineBundle} bundle
 * @param {number} batch
 * @returns {Promise<Record<'plain' | 'graph', { ours: number, sleeping: number, asking: number, ratio: number, ratioToAsking: number }>>} Milliseconds of a run, medians.
 */
export async function overheadOf(bundle, batch) {
  const program = join(await benchPrograms(), 'enqueue_loop');
  const found = {};
  for (const kind of ['plain', 'graph']) {
    const session = await createSession(bundle.path, { cudaGraphs: kind === 'graph' });
    const { run } = runOf(session, batch);
    const ours = async () => median((await runFor(run, 1, turnMs)).times);
    const runs = Math.min(2000, Math.max(5, Math.round(turnMs / (await ours()))));
    const engine = bundle.engineFile;
    const peers = ['block', 'spin'].map((wait) => {
      const args = [session.runtime.path, engine, String(batch), String(runs), kind, wait];
      return new Peer(spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] }));
    });
    const theirs = async (peer) => median((await peer.ask('run')).us) / 1000;
    for (const peer of peers) await theirs(peer);
    const turns = [];
    for (let round = 0; round < rounds; round++) turns.push([await ours(), await theirs(peers[0]), await theirs(peers[1])]);
    for (const peer of peers) peer.end();
    await session.dispose();
    const of = (take) => median(turns.map(take));
    found[kind] = {
      ...{ ours: of(([mine]) => mine), sleeping: of(([, sleeps]) => sleeps), asking: of(([, , asks]) => asks) },
      ...{ ratio: of(([mine, sleeps]) => mine / sleeps), ratioToAsking: of(([mine, , asks]) => mine / asks) },
    };
  }
  return found;
}
