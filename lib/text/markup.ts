/** HTML or XML, ready to be written. Only {@link markup} and {@link asMarkup} make it, so what is not escaped can be found by their names. */
export class Markup {
  readonly #text: string;

  /** @internal */
  constructor(text: string) {
    this.#text = text;
  }

  toString(): string {
    return this.#text;
  }
}

/** What may stand in a template: text is escaped, undefined and false leave nothing, lists are joined. */
export type MarkupPart = Markup | string | number | undefined | false | readonly MarkupPart[];

/** A template whose own text is markup, and whose values are data: they are escaped, for text and for attributes in double quotes alike. */
export function markup(strings: TemplateStringsArray, ...parts: readonly MarkupPart[]): Markup {
  return new Markup(strings.reduce((text, string, i) => `${text}${written(parts[i - 1])}${string}`));
}

/** Text that is markup already. Never for data. */
export function asMarkup(text: string): Markup {
  return new Markup(text);
}

function written(part: MarkupPart): string {
  if (part === undefined || part === false) return '';
  if (part instanceof Markup) return part.toString();
  return typeof part === 'object' ? part.map(written).join('') : escapeMarkup(String(part));
}

/** What XML 1.0 cannot hold, not even escaped, half surrogates among it; and the control characters that it advises against. */
const forbidden = /[^\t\n\u0020-\u007e\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\t': '&#9;', // in attributes, XML would make spaces of these two
  '\n': '&#10;',
};

/** Text for HTML and XML, within elements and attributes. Control characters are removed. */
export function escapeMarkup(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(forbidden, '')
    .replace(/[&<>"'\t\n]/g, (character) => references[character] as string);
}
