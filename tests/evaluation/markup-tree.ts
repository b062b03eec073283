/** Reads XML, and HTML that is written like it, as strictly as what reads reports: whatever is not well-formed is an error. */

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (Element | string)[];
}

const token =
  /<\?xml [^?]*\?>|<!DOCTYPE html>|<(style|script)>([^]*?)<\/\1>|<\/([\w-]+)>|<([\w-]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|[^<]+|</gy;
const attribute = /([\w:-]+)="([^"<]*)"/g;
const allowed = /^[\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u;

export function parseMarkup(text: string): Element {
  if (!allowed.test(text)) throw new Error('a character that XML cannot hold');
  const root = { name: '', attributes: {}, children: [] as (Element | string)[] };
  const open = [root];
  for (const match of text.matchAll(token)) {
    const [all, raw, rawText, end, start, attributes = '', closed] = match;
    const parent = open.at(-1) as typeof root;
    if (all === '<') throw new Error(`no markup: ${text.slice(match.index, match.index + 80)}`);
    if (raw !== undefined) parent.children.push({ name: raw, attributes: {}, children: [rawText as string] });
    else if (end !== undefined) {
      if (parent.name !== end) throw new Error(`</${end}> ends <${parent.name}>`);
      open.pop();
    } else if (start !== undefined) {
      const element = { name: start, attributes: attributesOf(attributes), children: [] as (Element | string)[] };
      parent.children.push(element);
      if (closed === '') open.push(element);
    } else if (!all.startsWith('<')) parent.children.push(decoded(all));
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)?.name}> does not end`);
  const elements = root.children.filter((child) => typeof child !== 'string' || child.trim() !== '');
  if (elements.length !== 1 || typeof elements[0] === 'string') throw new Error('not one root');
  return elements[0] as Element;
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name, value] of text.matchAll(attribute)) {
    if (Object.hasOwn(attributes, name as string)) throw new Error(`${name} twice`);
    attributes[name as string] = decoded(value as string);
  }
  return attributes;
}

const characters: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: '\u00a0' };

function decoded(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));|&/g, (all, code: string | undefined, name: string | undefined) => {
    const character = code === undefined ? characters[name ?? ''] : String.fromCodePoint(Number(code));
    if (character === undefined) throw new Error(`unknown reference ${all}`);
    return character;
  });
}

/** All elements within, in document order, the element itself among them. */
export function elements(from: Element): Element[] {
  const found = [from];
  for (const child of from.children) if (typeof child !== 'string') for (const inner of elements(child)) found.push(inner);
  return found;
}

export function named(from: Element, name: string): Element[] {
  return elements(from).filter((element) => element.name === name);
}

/** Elements with a class. */
export function classed(from: Element, name: string): Element[] {
  return elements(from).filter(({ attributes }) => attributes['class']?.split(' ').includes(name));
}

export function byId(from: Element, id: string): Element | undefined {
  return elements(from).find(({ attributes }) => attributes['id'] === id);
}

export function textOf(from: Element): string {
  return from.children.map((child) => (typeof child === 'string' ? child : textOf(child))).join('');
}

/** The texts of the cells of each row. */
export function rows(from: Element): string[][] {
  return named(from, 'tr').map((row) => row.children.flatMap((cell) => (typeof cell === 'string' ? [] : [textOf(cell)])));
}
