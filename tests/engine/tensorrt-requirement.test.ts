import { describe, expect, it } from 'vitest';

import { compareVersions, mayFit, parseTensorRtRequirement } from '../../lib/engine/tensorrt-requirement.js';
import { expectFailure, thrownBy } from '../errors/failure.js';

describe('what is wanted', () => {
  it.each([
    ['tensorrt', { family: 'tensorrt', version: [], orNewer: false }],
    ['tensorrt@10', { family: 'tensorrt', version: [10], orNewer: false }],
    ['tensorrt-rtx@1.7', { family: 'tensorrt-rtx', version: [1, 7], orNewer: false }],
    ['tensorrt-lean@>=11.4.0', { family: 'tensorrt-lean', version: [11, 4, 0], orNewer: true }],
  ])('%s is read', (text, requirement) => {
    expect(parseTensorRtRequirement(text)).toEqual(requirement);
  });

  it.each([
    '',
    'cuda',
    'tensorrt@',
    'tensorrt@>=',
    'tensorrt@10.',
    'tensorrt@1.2.3.4',
    'tensorrt@<10',
    'tensorrt @10',
    'TensorRT',
  ])('%o is refused', (text) => {
    const error = thrownBy(() => parseTensorRtRequirement(text));
    expectFailure(error, 'INVALID_ARGUMENT', /tensorrt, tensorrt-rtx, tensorrt-lean/, /tensorrt@>=10\.8/);
  });
});

describe('a version', () => {
  it.each([
    ['tensorrt', '8.6.1', true],
    ['tensorrt@10', '10.15.1', true],
    ['tensorrt@1', '10.15.1', false],
    ['tensorrt@10', '11.0.0', false],
    ['tensorrt@10.8', '10.8.3', true],
    ['tensorrt@10.8', '10.15.1', false],
    ['tensorrt@10.8.3', '10.8.3', true],
    ['tensorrt@>=10.8', '10.8.0', true],
    ['tensorrt@>=10.8', '10.15.1', true],
    ['tensorrt@>=10.8', '10.7.9', false],
    ['tensorrt@>=10.8', '11.0.0', true],
    ['tensorrt@>=10.8', '8.9.0', false],
    // What a file name tells is the beginning of a version.
    ['tensorrt@10.8', '10', true],
    ['tensorrt@>=10.8', '10', true],
    ['tensorrt@>=10.8', '8', false],
    ['tensorrt@10.8', '8', false],
  ])('%s may be %s: %s', (wanted, version, expected) => {
    expect(mayFit(parseTensorRtRequirement(wanted), version)).toBe(expected);
  });

  it('is compared number by number', () => {
    const sorted = ['10.8.0', '10.15.1', '8.6.1', '10.15', '11.0.0'].sort(compareVersions);
    expect(sorted).toEqual(['8.6.1', '10.8.0', '10.15', '10.15.1', '11.0.0']);
    expect(compareVersions('1.7', '1.7.0')).toBe(0);
  });
});
