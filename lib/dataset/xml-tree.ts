import sax from 'sax';

import { invalidAt } from './source-place.js';

/** An element of an XML file, without its attributes: VOC has none. */
export interface XmlElement {
  readonly name: string;
  /** Its own, with the space around it taken away. */
  readonly text: string;
  readonly children: readonly XmlElement[];
  /** Where it begins, from 1. */
  readonly line: number;
}

interface OpenElement extends XmlElement {
  text: string;
  readonly children: XmlElement[];
}

/** The root of an XML text; undefined where there is none. Entities other than XML's five are refused. Throws DATASET_INVALID. */
export function readXml(source: string, file: string): XmlElement | undefined {
  const parser = sax.parser(true, { position: true });
  const open: OpenElement[] = [];
  let root: XmlElement | undefined;
  parser.onerror = ({ message }) => {
    const [reason = ''] = message.split('\n');
    const innermost = open.at(-1);
    // What is noticed at the end of another element began where nobody closed it.
    const notClosed = /^(Unexpected close|Unclosed root|Unexpected end)/.test(reason) ? innermost : undefined;
    const place = { file, line: notClosed?.line ?? parser.line + 1 };
    throw invalidAt(place, `it is not XML: ${notClosed === undefined ? reason : `<${notClosed.name}> is not closed`}`);
  };
  parser.onopentagstart = ({ name }) => {
    const element = { name, text: '', children: [], line: parser.line + 1 };
    open.at(-1)?.children.push(element);
    open.push(element);
    root ??= element;
  };
  const addText = (text: string): void => {
    const element = open.at(-1);
    if (element !== undefined) element.text += text;
  };
  parser.ontext = addText;
  parser.oncdata = addText;
  parser.onclosetag = () => {
    const element = open.pop();
    if (element !== undefined) element.text = element.text.trim();
  };
  parser.write(source).close();
  return root;
}

/** The first child of that name. */
export function childOf(element: XmlElement | undefined, name: string): XmlElement | undefined {
  return element?.children.find((child) => child.name === name);
}
