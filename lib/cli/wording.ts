import type { FoveateError } from '../errors/index.js';

/** A flag that stands for an option of the library; `call` is what has it, where that is not the verb that was called: 'foveate run '. */
export interface Flag {
  readonly flag: string;
  readonly call: string;
}

/** Names of the library's options, and the flags that stand for them. */
export type Flags = ReadonlyMap<string, Flag>;

/** The error as data, worded for the command line. */
export function errorInFlags(error: FoveateError, flags: Flags): ReturnType<FoveateError['toJSON']> {
  const data = error.toJSON();
  const { message, hint } = data;
  return {
    ...data,
    message: inFlags(message, flags),
    ...(hint === undefined ? {} : { hint: inFlags(hint, flags) }),
  };
}

/** As a shell takes it: what is not a plain word keeps its quotes. */
function unquotedWord(quoted: string): string {
  const word = quoted.slice(1, -1);
  return /^[\w.:/-]+$/.test(word) ? word : quoted;
}

/** What a program writes, such as `{ boxes: 'raw', priors: [{ stride, … }] }`, as JSON has it; names of fields that are left to fill in stay. */
function asJson(value: string): string {
  return value
    .replaceAll("'", '"')
    .replace(/\b(\w+): /g, '"$1":')
    .replace(/(?<=[{,] ?)(\w+)(?= ?[,}])/g, '"$1":…')
    .replace(/([{,]) | (?=\})/g, '$1');
}

/**
 * The library's messages name options as programs write them; here they are flags: `{ task: 'detect' }` is `--task detect`,
 * `{ ssd: { boxes: 'decoded' } }` is `--ssd '{"boxes":"decoded"}'`, `{ output: "a b" }` is `--model-output "a b"`, `scoreThreshold` is
 * `--score-threshold`. A name that is a word of its own, such as `labels`, is a flag only where an option is spoken of.
 */
function inFlags(text: string, flags: Flags): string {
  const replace = (whole: string, name: string, asFlag: (flag: string, call: string) => string): string => {
    const known = flags.get(name);
    return known === undefined ? whole : asFlag(known.flag, known.call);
  };
  return text
    .replace(/\{ (\w+): (\{ [^{}]*(?:\{[^{}]*\}[^{}]*)*\}) \}/g, (whole, name: string, value: string) =>
      replace(whole, name, (flag, call) => `${call}${flag} '${asJson(value)}'`),
    )
    .replace(/\{ (\w+): (?:'([^']*)'|("(?:[^"\\]|\\.)*")) \}/g, (whole, name: string, word?: string, quoted = '') =>
      replace(whole, name, (flag, call) => `${call}${flag} ${word ?? unquotedWord(quoted)}`),
    )
    .replace(/\boption (\w+)/g, (whole, name: string) => replace(whole, name, (flag) => `option ${flag}`))
    .replace(/\bfor (\w+(?:\.\w+)?)(?=(\[\d+\])? but received)/g, (whole, name: string) =>
      replace(whole, name, (flag) => `for ${flag}`),
    )
    .replace(/\b[a-z]+[A-Z]\w*\b/g, (name) => replace(name, name, (flag) => flag));
}
