import type { Annotation, AnnotationBox, Attributes, SourcePlace } from './dataset.js';
import { checkName, checkSide, parseFlag, parseNumber } from './field-checks.js';
import { invalidAt, unexpected } from './source-place.js';
import { childOf, readXml, type XmlElement } from './xml-tree.js';

/** An object whose class is still a name. */
export interface VocObject extends Omit<Annotation, 'category'> {
  readonly name: string;
  readonly namePlace: SourcePlace;
}

/** What an annotation file says. */
export interface VocAnnotation {
  readonly filename: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly objects: readonly VocObject[];
  readonly attributes: Attributes;
}

/** Reads one of VOC's annotation files. Throws DATASET_INVALID. */
export function readVocAnnotation(source: string, file: string): VocAnnotation {
  const root = readXml(source, file);
  if (root?.name !== 'annotation') {
    throw invalidAt(
      { file, line: root?.line },
      `expected <annotation> but received ${root === undefined ? 'nothing' : `<${root.name}>`}`,
    );
  }
  const size = childOf(root, 'size');
  const objects = root.children.filter(({ name }) => name === 'object');
  return {
    filename: childOf(root, 'filename')?.text || undefined,
    width: readSide(size, 'width', file),
    height: readSide(size, 'height', file),
    objects: objects.map((object, i) => readObject(object, { file, field: `object[${i}]` })),
    attributes: attributesOf(root, new Set(['filename', 'size', 'object'])),
  };
}

function readSide(size: XmlElement | undefined, name: 'width' | 'height', file: string): number | undefined {
  const element = childOf(size, name);
  if (element === undefined) return undefined;
  const place = { file, line: element.line, field: `size.${name}` };
  return checkSide(parseNumber(element.text, place), place);
}

const objectKeys = new Set(['name', 'bndbox', 'difficult']);

function readObject(object: XmlElement, place: SourcePlace): VocObject {
  const at = (element: XmlElement | undefined, field: string): SourcePlace => ({
    ...place,
    line: element?.line ?? object.line,
    field: `${place.field}.${field}`,
  });
  const name = childOf(object, 'name');
  const namePlace = at(name, 'name');
  const difficult = childOf(object, 'difficult');
  return {
    name: checkName(name?.text, 'a name', namePlace),
    namePlace,
    box: readBox(childOf(object, 'bndbox'), at),
    isCrowd: false,
    isIgnored: parseFlag(difficult?.text, at(difficult, 'difficult')),
    attributes: attributesOf(object, objectKeys),
  };
}

/** VOC counts pixels from 1 and names the first and the last: what lies between their outer edges is the box. */
function readBox(
  element: XmlElement | undefined,
  at: (element: XmlElement | undefined, field: string) => SourcePlace,
): AnnotationBox {
  if (element === undefined) throw unexpected(at(undefined, 'bndbox'), 'a box', undefined);
  const read = (corner: string): [number, SourcePlace] => {
    const child = childOf(element, corner);
    const place = at(child ?? element, `bndbox.${corner}`);
    return [parseNumber(child?.text, place), place];
  };
  const [left] = read('xmin');
  const [top] = read('ymin');
  const [right, rightPlace] = read('xmax');
  const [bottom, bottomPlace] = read('ymax');
  if (right < left) throw unexpected(rightPlace, `at least xmin, ${left},`, right);
  if (bottom < top) throw unexpected(bottomPlace, `at least ymin, ${top},`, bottom);
  return [left - 1, top - 1, right - left + 1, bottom - top + 1];
}

/** All that is not `known`, spread: `source.database`, `part[0].bndbox.xmin`. Numbers are numbers. */
function attributesOf(element: XmlElement, known: ReadonlySet<string>): Attributes {
  const attributes = new Map<string, string | number>();
  const add = (parent: XmlElement, prefix: string, skip?: ReadonlySet<string>): void => {
    for (const child of parent.children) {
      if (skip?.has(child.name) === true) continue;
      const alike = parent.children.filter(({ name }) => name === child.name);
      // Parts of a body are a list even where there is one.
      const isList = alike.length > 1 || child.name === 'part';
      const key = `${prefix}${child.name}${isList ? `[${alike.indexOf(child)}]` : ''}`;
      if (child.children.length > 0) add(child, `${key}.`);
      else if (child.text !== '') attributes.set(key, /^-?\d+(?:\.\d+)?$/.test(child.text) ? Number(child.text) : child.text);
    }
  };
  add(element, '', known);
  return Object.fromEntries(attributes);
}
