import type { FoveateError } from '../errors/index.js';

/** Names of the library's options, and the flags that stand for them. */
export type Flags = ReadonlyMap<string, string>;

/** The error as data, worded for the command line. `call` stands before a flag with a value: the verb that has it, where another was called. */
export function errorInFlags(error: FoveateError, flags: Flags, call = ''): ReturnType<FoveateError['toJSON']> {
  const data = error.toJSON();
  const { message, hint } = data;
  return {
    ...data,
    message: inFlags(message, flags, call),
    ...(hint === undefined ? {} : { hint: inFlags(hint, flags, call) }),
  };
}

/** As a shell takes it: what is not a plain word keeps its quotes. */
function unquotedWord(quoted: string): string {
  const word = quoted.slice(1, -1);
  return /^[\w.:/-]+$/.test(word) ? word : quoted;
}

/**
 * The library's messages name options as programs write them; here they are flags: `{ task: 'detect' }` is `--task detect`,
 * `{ output: "a b" }` is `--model-output "a b"`, `scoreThreshold` is `--score-threshold`. A name that is a word of its own, such as `labels`, is a
 * flag only where an option is spoken of.
 */
function inFlags(text: string, flags: Flags, call: string): string {
  const replace = (whole: string, name: string, asFlag: (flag: string) => string): string => {
    const flag = flags.get(name);
    return flag === undefined ? whole : asFlag(flag);
  };
  return text
    .replace(/\{ (\w+): (?:'([^']*)'|("(?:[^"\\]|\\.)*")) \}/g, (whole, name: string, word?: string, quoted = '') =>
      replace(whole, name, (flag) => `${call}${flag} ${word ?? unquotedWord(quoted)}`),
    )
    .replace(/\boption (\w+)/g, (whole, name: string) => replace(whole, name, (flag) => `option ${flag}`))
    .replace(/\bfor (\w+(?:\.\w+)?)(?=(\[\d+\])? but received)/g, (whole, name: string) =>
      replace(whole, name, (flag) => `for ${flag}`),
    )
    .replace(/\b[a-z]+[A-Z]\w*\b/g, (name) => replace(name, name, (flag) => flag));
}
