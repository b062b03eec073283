import { describe, expect, it } from 'vitest';

import { tableReport } from '../../lib/evaluation/index.js';
import { emptyResult, resultOfClasses, results } from './results.js';

describe('tableReport', () => {
  it('shows metrics with their intervals', () => {
    const lines = tableReport(results.detect);
    expect(lines[0]).toBe('detect: yolov8n.onnx (cpu) on coco-val2017, 5,000 pictures, 36,335 annotations');
    expect(lines).toContain('  AP         0.372  0.361 to 0.383');
    expect(lines).toContain('  APm        0.410');
    expect(lines).toContain('  mask.APs       \u2013');
  });

  it('shows the ten worst of many classes, and all of few', () => {
    const many = tableReport(resultOfClasses(1000));
    const start = many.indexOf('The 10 worst of 1,000 classes, by F1');
    expect(start).toBeGreaterThan(0);
    const values = many.slice(start + 2, start + 12).map((line) => Number(/0\.\d{3}/.exec(line)?.[0]));
    expect(values).toHaveLength(10);
    expect(values).toEqual(values.toSorted((a, b) => a - b));
    expect(Math.max(...values)).toBeLessThan(0.05);

    const few = tableReport(results.classify);
    const names = few.slice(few.indexOf('Classes') + 2, few.indexOf('Classes') + 8).map((line) => line.trim().split(/\s/)[0]);
    expect(names).toEqual(['circle', 'square', 'triangle', 'star', 'ring', 'cross']);
  });

  it('does not count a class without a value as the worst', () => {
    expect(tableReport(results.detect).join('\n')).not.toContain('hair drier');
  });

  it('marks the worst slice of each attribute', () => {
    const marked = tableReport(results.detect).filter((line) => line.endsWith('<- worst'));
    expect(marked.map((line) => line.trim().split(/\s+/).slice(0, 4))).toEqual([
      ['light', 'night', '750', '0.281'],
      ['camera', 'gate', '790', '0.359'],
    ]);
  });

  it('marks none where all slices are alike, or one alone has a value', () => {
    const slice = { attribute: 'a', value: 'b', images: 1, metrics: { top1: 0.5 }, intervals: {} };
    const without = { ...slice, metrics: { top1: null } };
    for (const slices of [[slice, slice], [slice, without], [slice]]) {
      expect(tableReport({ ...emptyResult, slices }).join('\n')).not.toContain('worst');
    }
  });

  it('shows latency and what failed', () => {
    const lines = tableReport(results.detect);
    expect(lines).toContain('Latency: mean 31.4 ms, p50 30.9 ms, p95 38.2 ms, p99 52.9 ms, of 5,000 pictures');
    expect(lines).toContain('1 picture could not be evaluated');
    const failures = Array.from({ length: 25 }, (_, i) => ({ image: `${i}.jpg`, code: 'MEDIA_NOT_FOUND', message: 'gone' }));
    const many = tableReport({ ...emptyResult, failures });
    expect(many).toContain('25 pictures could not be evaluated');
    expect(many.at(-1)).toBe('  and 15 more');
  });

  it('writes counts as counts', () => {
    const lines = tableReport(results.track).map((line) => line.trim().split(/\s+/));
    for (const row of [
      ['IDSW', '412'],
      ['Frag', '1,021'],
      ['ML', '0'],
      ['FP', '1'],
    ])
      expect(lines).toContainEqual(row);
  });

  it('is one line more where there is nothing', () => {
    expect(tableReport(emptyResult)).toEqual([
      'classify: nothing, 0 pictures, 0 annotations',
      '',
      'No metrics: there was nothing to count.',
    ]);
  });

  it('lets no name steer the terminal, nor fill it', () => {
    const name = `\u001b[2J\n${'x'.repeat(10_000)}`;
    const lines = tableReport({
      ...results.classify,
      model: { name, sha256: '', bytes: 0 },
      dataset: { ...results.classify.dataset, name },
      classes: [{ name, count: 1, metrics: { [name]: 0.5 } }],
      slices: [{ attribute: name, value: name, images: 1, metrics: { [name]: 0.5 }, intervals: {} }],
      failures: [{ image: name, code: 'MEDIA_INVALID', message: name }],
    });
    expect(lines.join('')).not.toMatch(/[\u001b\n]/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(240);
  });
});
