/**
 * For opsets.py: what upgradeOpset makes of the models in cases.json, `upgraded.mjs OPSET...`, by the name of the case and by each of the opsets that is newer,
 * in base64.
 */
import { readFileSync } from 'node:fs';
import { encodeModel, parseModel, upgradeOpset } from '../../dist/graph/index.js';

const targets = process.argv.slice(2).map(Number);
const cases = JSON.parse(readFileSync(new URL('fixtures/opsets/cases.json', import.meta.url), 'utf8'));
const upgraded = cases.map(({ name, model, opset }) => {
  const { proto } = parseModel(Buffer.from(model, 'base64'));
  const made = targets
    .filter((target) => target > opset)
    .map((target) => [target, Buffer.from(encodeModel(upgradeOpset(proto, target))).toString('base64')]);
  return [name, Object.fromEntries(made)];
});
process.stdout.write(JSON.stringify(Object.fromEntries(upgraded)));
