/** Manifests that are none of a bundle, or not whole. */
import { describe, expect, it } from 'vitest';

import { parseManifest } from '../../lib/engine/engine-manifest.js';
import { expectFailure, thrownBy } from '../errors/failure.js';
import { recordedManifest as recorded } from './made-bundle.js';

const { engine, model, layers } = recorded;
const without = (name: keyof typeof recorded): object => ({ ...recorded, [name]: undefined });

describe('a manifest', () => {
  it('is read as it was written', () => {
    expect(parseManifest(JSON.stringify(recorded), 'b')).toEqual(recorded);
    const later = { ...recorded, more: 'of a later version' };
    expect(parseManifest(JSON.stringify(later), 'b')).toEqual(later);
  });

  it.each<[string, unknown, RegExp]>([
    ['nothing', '', /is no JSON: ./],
    ['a part of one', JSON.stringify(recorded).slice(0, -1), /is no JSON: ./],
    ['null', null, /is not that of a bundle$/],
    ['a number', 5, /is not that of a bundle$/],
    ['a list', [recorded], /is not that of a bundle$/],
    ['that of something else', { name: 'my app', version: '1.0.0' }, /is not that of a bundle$/],
    ['one of a format in words', { ...recorded, format: '1' }, /is not that of a bundle$/],
    ['one of an earlier format', { ...recorded, format: 0 }, /has format 0, this version of foveate reads format 1$/],
    ['one of a later format', { format: 2, parts: [] }, /has format 2, this version of foveate reads format 1$/],
    ['one without an engine', without('engine'), /lacks entries$/],
    ['one without a model', without('model'), /lacks entries$/],
    ['one without layers', without('layers'), /lacks entries$/],
    ['one without inputs', without('inputs'), /lacks entries$/],
    ['one without outputs', without('outputs'), /lacks entries$/],
    ['one whose inputs are no list', { ...recorded, inputs: { images: 'float32' } }, /lacks entries$/],
    ['one whose engine is null', { ...recorded, engine: null }, /lacks entries$/],
    ['one whose engine has no name', { ...recorded, engine: { ...engine, file: undefined } }, /lacks entries$/],
    ['one whose model has no length', { ...recorded, model: { ...model, bytes: '1503084' } }, /lacks entries$/],
    ['one whose layers have no hash', { ...recorded, layers: { ...layers, sha256: null } }, /lacks entries$/],
    ['one of external data without a name', { ...recorded, model: { ...model, externalData: [{}] } }, /lacks entries$/],
    ['one of external data in a word', { ...recorded, model: { ...model, externalData: 'w.bin' } }, /lacks entries$/],
  ])('is not %s', (_, value, reason) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const error = thrownBy(() => parseManifest(text, 'b'));
    expectFailure(error, 'ENGINE_INVALID', /^Expected an engine bundle in b but its manifest\.json /, /foveate build/);
    expect(error.message).toMatch(reason);
  });
});
