import { ArgumentError, describeValue } from '../errors/index.js';
import { LabelSyntaxError, parseCollection, type Names } from './literal.js';

/** The error for labels that cannot be used; `source` says where they are from. */
export function invalidLabels(
  source: string,
  reason: string,
  details: Record<string, unknown> = {},
  cause?: unknown,
): ArgumentError {
  return new ArgumentError('LABELS_INVALID', {
    message: `Cannot use the labels of ${source}: ${reason}`,
    hint: 'Give the option labels: one name per class, as an array, a record { id: name }, or a .txt, .json or .yaml file.',
    details,
    cause,
  });
}

/** Names in the order of their ids, which must be 0, 1, 2, ... without a gap: a gap would be a class that nobody named. */
export function inOrder(names: Names, source: string): readonly string[] {
  if (!(names instanceof Map)) return Object.freeze(names);
  const labels: string[] = [];
  for (let id = 0; id < names.size; id++) {
    const name = names.get(String(id));
    if (name === undefined) {
      throw invalidLabels(source, `expected the ids 0 to ${names.size - 1} for ${names.size} names but found none for id ${id}`);
    }
    labels.push(name);
  }
  return Object.freeze(labels);
}

/** Names out of a JSON value: an array, or an object by id. Names may be numbers there. Throws LABELS_INVALID. */
export function namesFromValue(value: unknown, source: string): Names {
  if (typeof value !== 'object' || value === null) {
    throw invalidLabels(source, `expected a list or a map of names but received ${describeValue(value)}`);
  }
  for (const [id, name] of Object.entries(value)) {
    if (typeof name !== 'string' && typeof name !== 'number') {
      throw invalidLabels(source, `expected a string for id ${id} but received ${describeValue(name)}`, { id });
    }
  }
  if (Array.isArray(value)) return value.map(String);
  return new Map(Object.entries(value).map(([id, name]) => [id, String(name)]));
}

/** Names out of a text that holds JSON or a Python literal, as exporters write into a model's metadata. Throws LABELS_INVALID. */
export function namesFromLiteral(text: string, source: string): Names {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return attemptSyntax(source, () => wholeCollection(text.trim()));
  }
  return namesFromValue(value, source);
}

function wholeCollection(text: string): Names {
  const { names, end } = parseCollection(text, 0, 'python');
  if (end < text.length) throw new LabelSyntaxError('the end of the text', text, end);
  return names;
}

/** Runs a parser; what it finds wrong becomes LABELS_INVALID. */
export function attemptSyntax(source: string, parse: () => Names): Names {
  try {
    return parse();
  } catch (error) {
    throw error instanceof LabelSyntaxError || error instanceof SyntaxError
      ? invalidLabels(source, error.message, {}, error)
      : error;
  }
}
