import { describe, expect, it } from 'vitest';

import { csvReport } from '../../lib/evaluation/index.js';
import { emptyResult, resultOfClasses, results } from './results.js';

const lines = (csv: string): string[] => csv.split('\r\n').slice(0, -1);

describe('csvReport', () => {
  it('has a record for each number, with its interval', () => {
    const records = lines(csvReport(results.detect));
    expect(records[0]).toBe('scope,name,metric,value,low,high');
    expect(records).toContain('all,,AP,0.3721,0.3612,0.3829');
    expect(records).toContain('all,,APm,0.4098,,');
    expect(records).toContain('all,,mask.APs,,,');
    expect(records).toContain('slice,light=night,AP,0.2814,0.2551,0.3087');
    expect(records).toContain('slice,light=night,images,750,,');
    expect(records).toContain('class,hair drier,AP,,,');
  });

  it.each([...Object.entries(results), ['a thousand classes', resultOfClasses(1000)] as const])(
    'leaves nothing out: %s',
    (_, result) => {
      const groups = [...result.classes, ...result.slices];
      const numbers = groups.reduce(
        (sum, { metrics }) => sum + 1 + Object.keys(metrics).length,
        Object.keys(result.metrics).length,
      );
      expect(lines(csvReport(result))).toHaveLength(1 + numbers);
    },
  );

  it('quotes names, and leaves empty what is no number', () => {
    const csv = csvReport({
      ...emptyResult,
      metrics: { top1: Number.NaN, top5: Infinity },
      intervals: { top5: [Number.NaN, 1] },
      classes: [{ name: 'a "b", c\nd', count: 0, metrics: {} }],
    });
    expect(csv).toBe('scope,name,metric,value,low,high\r\nall,,top1,,,\r\nall,,top5,,,1\r\nclass,"a ""b"", c\nd",count,0,,\r\n');
  });
});
