import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ArgumentError } from '../../lib/errors/index.js';
import { readModel } from '../../lib/graph/index.js';
import { declaredLabelCount, resolveLabels, type LabelsOption } from '../../lib/labels/index.js';
import { imagenet1000 } from '../../lib/labels/imagenet-1000.js';

const shared = fileURLToPath(new URL('../../../shared', import.meta.url));
const named = (names: string) => new Map([['names', names]]);

describe('the option', () => {
  it.each([
    ['an array', ['cat', 'dog']],
    ['a record', { 0: 'cat', 1: 'dog' }],
    ['a record in another order', { 1: 'dog', 0: 'cat' }],
  ])('may be %s', async (_, option) => {
    const { labels, source } = await resolveLabels({ option: option as LabelsOption, classes: 2, task: 'classify' });
    expect({ labels, source }).toEqual({ labels: ['cat', 'dog'], source: 'option' });
    expect(Object.isFrozen(labels)).toBe(true);
  });

  it('wins over metadata, which is then not even looked at', async () => {
    const result = await resolveLabels({ option: ['a'], metadata: named('{broken'), classes: 1, task: 'detect' });
    expect(result).toEqual({ labels: ['a'], source: 'option' });
  });

  it('is copied', async () => {
    const option = ['a'];
    const { labels } = await resolveLabels({ option, classes: 1, task: 'detect' });
    option[0] = 'b';
    expect(labels).toEqual(['a']);
  });

  it.each([
    null,
    5,
    true,
    '',
    new Map([[0, 'a']]),
    new Set(['a']),
    new Uint8Array(1),
    new URL('https://example.com/a.txt'),
    [1],
    ['a', undefined],
    { 0: 7 },
  ])('refuses %o', async (option) => {
    await expect(resolveLabels({ option: option as never, classes: 1, task: 'detect' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it.each([
    [{ 1: 'a', 2: 'b' }, 'expected the ids 0 to 1 for 2 names but found none for id 0'],
    [{ 0: 'a', 2: 'b' }, 'found none for id 1'],
    [{ '00': 'a' }, 'found none for id 0'],
    [{ cat: 'a' }, 'found none for id 0'],
  ])('refuses %j, which leaves ids out', async (option, message) => {
    const promise = resolveLabels({ option: option as LabelsOption, classes: 2, task: 'detect' });
    await expect(promise).rejects.toMatchObject({ code: 'LABELS_INVALID', message: expect.stringContaining(message) });
  });

  it('says both numbers where there are too few or too many', async () => {
    const error = await resolveLabels({ option: ['a', 'b', 'c'], classes: 80, task: 'detect' }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(ArgumentError);
    expect(error).toMatchObject({
      code: 'LABELS_INVALID',
      message: 'Cannot use the labels of the option: expected 80 for the 80 classes of the model but received 3',
      details: { classes: 80, labels: 3 },
    });
    await expect(resolveLabels({ option: ['a', 'b', 'c'], classes: 2, task: 'detect' })).rejects.toMatchObject({
      code: 'LABELS_INVALID',
      details: { classes: 2, labels: 3 },
    });
  });
});

describe('a file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'foveate-labels-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function fileWith(name: string, content: string | Uint8Array): Promise<string> {
    const file = path.join(folder, name);
    await writeFile(file, content);
    return file;
  }

  it.each([
    ['lines.txt', 'cat\ndog\n'],
    ['windows.txt', '\ufeffcat\r\ndog\r\n\r\n'],
    ['spaces.names', '  cat\t\ndog'],
    ['no-extension', 'cat\ndog'],
    ['array.json', '["cat", "dog"]'],
    ['object.json', '{"1": "dog", "0": "cat"}'],
    ['mark.json', '\ufeff["cat", "dog"]'],
    ['data.yaml', 'names:\n  0: cat\n  1: dog\n'],
    ['windows.YML', 'nc: 2\r\nnames:\r\n- cat\r\n- dog\r\n'],
  ])('%s', async (name, content) => {
    const file = await fileWith(name, content);
    const expected = { labels: ['cat', 'dog'], source: 'file' };
    expect(await resolveLabels({ option: file, classes: 2, task: 'detect' })).toEqual(expected);
    expect(await resolveLabels({ option: pathToFileURL(file), classes: 2, task: 'detect' })).toEqual(expected);
  });

  it.each([
    ['missing.txt', undefined, 'there is no such file'],
    ['empty.txt', '', 'it is empty'],
    ['blank.txt', '\n \n', 'it is empty'],
    ['gap.txt', 'cat\n\ndog\n', 'expected a name in every line but line 2 is empty'],
    ['first-gap.txt', '\ncat\n', 'line 1 is empty'],
    ['latin1.txt', Uint8Array.of(0x67, 0xfc, 0x0a), 'it is not UTF-8 text'],
    ['binary.txt', Uint8Array.of(8, 0, 0x0a), 'it is not UTF-8 text'],
    ['broken.json', '["cat"', 'JSON'],
    ['number.json', '5', 'expected a list or a map of names but received 5'],
    ['null.json', '[null]', 'expected a string for id 0 but received null'],
    ['nested.json', '{"0": {"name": "cat"}}', 'expected a string for id 0 but received { name: "cat" }'],
    ['broken.yaml', 'nc: 3\n', 'expected a key "names:"'],
    ['gap.yaml', 'names:\n  0: a\n  2: b\n', 'found none for id 1'],
  ])('%s is refused', async (name, content, message) => {
    const file = content === undefined ? path.join(folder, name) : await fileWith(name, content);
    await expect(resolveLabels({ option: file, classes: 2, task: 'detect' })).rejects.toMatchObject({
      code: 'LABELS_INVALID',
      message: expect.stringContaining(message),
      hint: expect.stringContaining('labels'),
    });
    await expect(declaredLabelCount(file, undefined)).rejects.toMatchObject({ code: 'LABELS_INVALID' });
  });

  it('is refused if it is a folder, a device, or too large to be a list of names', async () => {
    const large = await fileWith('large.txt', '');
    await truncate(large, 2 ** 30);
    for (const option of [folder, '/dev/zero', large]) {
      await expect(resolveLabels({ option, classes: 2, task: 'detect' })).rejects.toMatchObject({ code: 'LABELS_INVALID' });
    }
  });
});

describe('metadata', () => {
  it.each([
    [`{0: 'cat', 1: "it's"}`],
    [`['cat', "it's"]`],
    [`{"0": "cat", "1": "it's"}`],
    [`["cat", "it's"]`],
    [`\n {0: 'cat', 1: 'it\\'s'} `],
  ])('%s', async (names) => {
    expect(await resolveLabels({ metadata: named(names), classes: 2, task: 'detect' })).toEqual({
      labels: ['cat', "it's"],
      source: 'metadata',
    });
    expect(await declaredLabelCount(undefined, named(names))).toBe(2);
  });

  it.each([
    ['', 'expected a list or a map'],
    ['cat, dog', 'expected a list or a map'],
    ['5', 'expected a list or a map of names but received 5'],
    [`{0: 'cat'`, 'expected "," or "}"'],
    [`{0: 'cat'} + x`, 'expected the end of the text'],
    [`{1: 'cat', 2: 'dog'}`, 'found none for id 0'],
    [`{0: 'cat'}`, 'expected 2 for the 2 classes of the model but received 1'],
    ['['.repeat(100_000), 'expected a string or a number'],
    // As deep as JSON is read, but not written.
    [`${'['.repeat(10_000)}${']'.repeat(10_000)}`, 'expected a string for id 0 but received an array of 1'],
    [JSON.stringify('x'.repeat(100_000)), `names but received "${'x'.repeat(77)}..."`],
  ])('%.30s is refused', async (names, message) => {
    await expect(resolveLabels({ metadata: named(names), classes: 2, task: 'detect' })).rejects.toMatchObject({
      code: 'LABELS_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it.skipIf(!existsSync(path.join(shared, 'models/yolov8n_fp32.onnx')))('of a real detector', async () => {
    const { metadata } = await readModel(path.join(shared, 'models/yolov8n_fp32.onnx'));
    const { labels, source } = await resolveLabels({ metadata, classes: 80, task: 'detect' });
    expect(source).toBe('metadata');
    // The same classes under the same names as the built-in list.
    expect(labels).toEqual((await resolveLabels({ classes: 80, task: 'detect' })).labels);
  });
});

describe('built-in lists', () => {
  it.each([
    ['detect', 80, 'coco-80', { 0: 'person', 9: 'traffic light', 16: 'dog', 79: 'toothbrush' }],
    ['detect', 20, 'voc-20', { 0: 'aeroplane', 14: 'person', 19: 'tvmonitor' }],
    ['segment', 21, 'voc-21', { 0: 'background', 1: 'aeroplane', 15: 'person', 20: 'tvmonitor' }],
    ['classify', 1000, 'imagenet-1000', { 0: 'tench', 207: 'golden retriever', 281: 'tabby', 999: 'toilet tissue' }],
  ] as const)('%s with %i classes: %s', async (task, classes, source, some) => {
    const resolved = await resolveLabels({ classes, task });
    expect(resolved.source).toBe(source);
    expect(resolved.labels).toHaveLength(classes);
    expect(resolved.labels).toMatchObject(some);
    expect(resolved.labels.every((label) => label.trim() === label && label !== '')).toBe(true);
    expect(new Set(resolved.labels).size).toBe(classes === 1000 ? 998 : classes);
    expect(await declaredLabelCount(undefined, new Map())).toBeUndefined();
  });

  it.each([
    ['classify', 80],
    ['classify', 20],
    ['segment', 80],
    ['detect', 1000],
    ['detect', 21],
  ] as const)('are not taken for another task: %s with %i classes', async (task, classes) => {
    const { labels, source } = await resolveLabels({ classes, task });
    expect(source).toBe('numbers');
    expect(labels).toEqual(Array.from({ length: classes }, (_, id) => `${id}`));
  });

  it.skipIf(!existsSync(path.join(shared, 'images/labels.txt')))('ImageNet has the names of the labelled pictures', () => {
    expect(imagenet1000).toEqual(readFileSync(path.join(shared, 'images/labels.txt'), 'utf8').trim().split('\n'));
  });
});
