/** For opsets.py: what upgradeOpset makes of the models in cases.json, by the name of the case, in base64. */
import { readFileSync } from 'node:fs';
import { encodeModel, parseModel, upgradeOpset } from '../../dist/graph/index.js';

const cases = JSON.parse(readFileSync(new URL('fixtures/opsets/cases.json', import.meta.url), 'utf8'));
const upgraded = cases.map(({ name, model }) => [
  name,
  Buffer.from(encodeModel(upgradeOpset(parseModel(Buffer.from(model, 'base64')).proto))).toString('base64'),
]);
process.stdout.write(JSON.stringify(Object.fromEntries(upgraded)));
