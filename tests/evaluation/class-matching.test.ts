import { describe, expect, it } from 'vitest';

import { matchClasses } from '../../lib/evaluation/class-matching.js';
import { thrownBy } from '../errors/failure.js';

const categories = (...names: string[]): { id: number; name: string }[] => names.map((name, id) => ({ id: id * 10, name }));

describe('classes of a model and of a data set', () => {
  it('are matched by name, however it is spelled', () => {
    const { categoryOf, classOf, notices } = matchClasses(
      ['Traffic_Light', 'dog', 'cat'],
      categories('cat', 'traffic light', 'cow'),
    );
    expect([...categoryOf]).toEqual([1, -1, 0]);
    expect([...classOf]).toEqual([2, 0, -1]);
    expect(notices).toEqual(['The model has no class for cow: all of that counts as missed.', 'The data set has no dog.']);
  });

  it('are matched one to one where names repeat', () => {
    const { categoryOf, classOf } = matchClasses(['crane', 'gull', 'crane'], categories('crane', 'gull'));
    expect([...categoryOf]).toEqual([0, 1, -1]);
    expect([...classOf]).toEqual([0, 1]);
    const twice = ['crane', 'gull', 'crane'];
    expect([...matchClasses(twice, categories(...twice)).categoryOf]).toEqual([0, 1, 2]);
  });

  it('are matched by their order where no name is the same, and that is told', () => {
    const { categoryOf, notices } = matchClasses(['0', '1'], categories('cat', 'dog'));
    expect([...categoryOf]).toEqual([0, 1]);
    expect(notices).toHaveLength(1);
  });

  it('are refused where nothing fits', () => {
    const error = thrownBy(() => matchClasses(['a', 'b', 'c'], categories('cat', 'dog')));
    expect(error).toMatchObject({ code: 'DATASET_INVALID' });
    expect(error.message).toMatch(/the model has a, b, c, the data set cat, dog/);
  });
});
