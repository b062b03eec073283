import { describe, expect, it, test } from 'vitest';

import type { BenchCell } from '../../lib/bench/bench-report.js';
import { findingsOf } from '../../lib/bench/findings.js';
import { madeCell, madeMachine } from './made-reports.js';

const findings = (...cells: BenchCell[]): { kind: string; words: string }[] => findingsOf(cells, madeMachine);

describe('the bottleneck', () => {
  it('is the model where the lanes compute most of the time', () => {
    const [first] = findings(madeCell({ throughputs: [90, 90], stages: { computeMs: 10 }, cores: 2 }));
    expect(first).toEqual({
      kind: 'compute',
      words: 'The bottleneck is the model itself: the lane computes 90 % of the time, with 2.0 of 4 cores at work.',
    });
  });

  it('tells where calls wait for a lane', () => {
    const [first] = findings(madeCell({ throughputs: [95, 95], stages: { computeMs: 10, queueMs: 30 } }));
    expect(first?.kind).toBe('compute');
    expect(first?.words).toMatch(/Calls wait 30\.0 ms for a lane: fewer in flight are answered sooner\.$/);
  });

  it('is the GPU link where a lane mostly moves data', () => {
    const [first] = findings(madeCell({ throughputs: [100, 100], stages: { computeMs: 4, transferMs: 5 } }));
    expect(first?.kind).toBe('transfer');
    expect(first?.words).toContain("56 % of a lane's time");
  });

  test.each([
    [
      'decoding',
      { decodeMs: 20, preprocessMs: 5, computeMs: 4 },
      'preprocessing',
      /decoding pictures: the 3 threads for that are/,
    ],
    ['resizing', { decodeMs: 5, preprocessMs: 20, computeMs: 4 }, 'preprocessing', /resizing and normalising/],
    ['reading results', { decodeMs: 2, postprocessMs: 24, computeMs: 4 }, 'postprocessing', /reading results/],
  ])('is the threads for pictures where these are busy with %s', (_, stages, kind, words) => {
    const [first] = findings(madeCell({ throughputs: [100, 100], stages }));
    expect(first?.kind).toBe(kind);
    expect(first?.words).toMatch(words);
  });

  it('is what lies between where no stage accounts for a call', () => {
    const [first] = findings(madeCell({ throughputs: [100, 100], stages: { computeMs: 2 }, latencyMs: 10 }));
    expect(first?.kind).toBe('hand-over');
    expect(first?.words).toContain('80 % of a call');
  });

  it('is too little in flight where nothing is busy', () => {
    const [first] = findings(madeCell({ throughputs: [50, 50], stages: { decodeMs: 8, preprocessMs: 4, computeMs: 8 } }));
    expect(first?.kind).toBe('in-flight');
    expect(first?.words).toMatch(/with 1 call in flight: lanes 40 %, threads for pictures 20 %/);
  });

  it('is that of the fastest cell; without cells nothing is said', () => {
    const slow = madeCell({ throughputs: [20, 20], stages: { computeMs: 2 }, latencyMs: 50 });
    const fast = madeCell({ batch: 2, throughputs: [180, 180], stages: { computeMs: 10 } });
    expect(findings(slow, fast)[0]?.kind).toBe('compute');
    expect(findings()).toEqual([]);
  });
});

describe('whether a knob pays', () => {
  it('is told with the largest gain, all else being equal', () => {
    const words = findings(
      madeCell({ batch: 1, lanes: 1, throughputs: [100, 100] }),
      madeCell({ batch: 4, lanes: 1, throughputs: [150, 150] }),
      madeCell({ batch: 1, lanes: 2, throughputs: [102, 102] }),
      madeCell({ batch: 4, lanes: 2, throughputs: [140, 140] }),
    ).map((finding) => `${finding.kind}: ${finding.words}`);
    expect(words.slice(1)).toEqual([
      'batch: Larger batches pay: batch 4 gives 1.50 times the throughput of 1 (lanes 1).',
      'lanes: More lanes do not pay: at best, lanes 2 gives 1.02 times the throughput of 1 (batch 1).',
    ]);
  });

  it('needs more than the windows vary by', () => {
    const one = madeCell({ threads: 1, throughputs: [80, 100, 120] });
    const two = madeCell({ threads: 2, throughputs: [110, 112, 114] });
    const found = findings(one, two);
    expect(found.map(({ kind }) => kind)).toEqual(['compute', 'noise', 'threads']);
    expect(found[2]?.words).toMatch(/^More threads do not pay: at best, threads 2 gives 1\.12 times the throughput of 1/);
    expect(found[1]?.words).toMatch(/^The windows of 1 of 2 cells vary by up to 20 %/);
  });
});
