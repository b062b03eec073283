import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startProgress } from '../../lib/cli/progress.js';

describe('lines of progress', () => {
  const lines: string[] = [];

  beforeEach(() => {
    lines.length = 0;
    vi.useFakeTimers({ toFake: ['performance'] });
    vi.spyOn(process.stderr, 'write').mockImplementation((line) => lines.push(String(line)) > 0);
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  /** Does `total` pieces of work, each of which takes so long. */
  function work(total: number, milliseconds: number, wanted = true): void {
    const progress = startProgress(total, 'pictures', wanted);
    for (let done = 1; done <= total; done++) {
      vi.advanceTimersByTime(milliseconds);
      progress.advance(done);
    }
    progress.stop();
  }

  it('come at each tenth, with the time that is left', () => {
    work(100, 200);
    expect(lines).toHaveLength(9);
    expect(lines[0]).toBe('10/100 pictures (10 %), 18 s left\n');
    expect(lines[8]).toBe('90/100 pictures (90 %), 2 s left\n');
  });

  it('come at most once a second, and not at all where all is done in less', () => {
    work(100, 20);
    expect(lines).toEqual(['50/100 pictures (50 %), 1 s left\n']);
    lines.length = 0;
    work(100, 5);
    expect(lines).toEqual([]);
  });

  it('come every ten seconds where a tenth takes long', () => {
    work(20, 8000);
    expect(lines).toHaveLength(9);
    expect(lines[0]).toBe('2/20 pictures (10 %), 2 min 24 s left\n');
  });

  it('count in what the work has become, where it is more than it began with', () => {
    const progress = startProgress(10, 'forms', true);
    for (let done = 1; done <= 20; done++) {
      vi.advanceTimersByTime(2000);
      progress.advance(done, Math.max(10, done + 1));
    }
    progress.stop();
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) {
      const [done, total] = line.split(' ', 1)[0]!.split('/').map(Number) as [number, number];
      expect(done).toBeLessThan(total);
    }
  });

  it('are left out where they are not wanted, and for a single piece', () => {
    work(100, 1000, false);
    work(1, 60_000);
    expect(lines).toEqual([]);
  });
});
