/** Changes of a model: of its structure, which stays a protobuf message for the most part, and of its bytes. */
import { ScalarType } from '@bufbuild/protobuf';
import { readTree, writeTree } from './tree.mjs';

/** Names that values, operators and metadata may have: few, so that they meet. */
const words = [
  ...['', 'a', 'b', 'c', 'x', 'y', 'input', 'output', '0', 'ai.onnx', 'com.microsoft', '\0', '__proto__', 'constructor'],
  ...[
    'Identity',
    'Constant',
    'Shape',
    'Gather',
    'Unsqueeze',
    'Cast',
    'Concat',
    'Reshape',
    'Flatten',
    'Transpose',
    'Conv',
    'Gemm',
  ],
  ...[
    'Squeeze',
    'Expand',
    'Tile',
    'Resize',
    'Slice',
    'Pad',
    'Split',
    'ReduceMean',
    'TopK',
    'GridSample',
    'ConstantOfShape',
    'Where',
  ],
  ...['MatMul', 'ConvTranspose', 'MaxPool', 'GlobalAveragePool', 'Softmax', 'Sigmoid', 'Relu', 'Add', 'If', 'QLinearConv'],
  ...[
    'axis',
    'perm',
    'shape',
    'pads',
    'strides',
    'dilations',
    'kernel_shape',
    'group',
    'auto_pad',
    'SAME_UPPER',
    'value',
    'transB',
    'axes',
    'keepdims',
  ],
  ...[
    'value_ints',
    'output_shape',
    'ceil_mode',
    'allowzero',
    'then_branch',
    'task',
    'names',
    'imgsz',
    'classify',
    'detect',
    'segment',
  ],
  ...[
    "{0: 'cat', 1: 'dog'}",
    '["cat", "dog"]',
    "{0: '\\",
    '[640, 640]',
    'location',
    'offset',
    'length',
    '../secret',
    '1e3',
    'weights.bin',
    'weights/w.bin',
    'weights\\w.bin',
    'up/secret',
    'link',
    'loop',
    '/etc/passwd',
    'C:\\w.bin',
    '..\\secret',
    '0',
    '65536',
    '131072',
    '18446744073709551616',
    'ArgMax',
  ],
];

const integers = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  16n,
  17n,
  64n,
  127n,
  1000n,
  65536n,
  -1n,
  -2n,
  2n ** 31n - 1n,
  2n ** 31n,
  -(2n ** 31n),
].concat([2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n]);

/**
 * A changed copy of a sound model.
 *
 * @param {Uint8Array} model One that checkWire accepts.
 * @param {Uint8Array} donor Another, parts of which may be put in.
 * @param {import('@bufbuild/protobuf').DescMessage} schema
 * @param {import('./random.mjs').Random} random
 * @param {number} maxBytes The copy is not longer.
 * @returns {Uint8Array}
 */
export function mutate(model, donor, schema, random, maxBytes) {
  const root = { number: 0, wire: 2, children: readTree(model, schema), schema };
  for (let count = 1 + random.below(4); count > 0; count--) {
    const parent = anyMessage(root, random);
    random.oneOf(structural)(parent, random, { root, donor: () => readTree(donor, schema), maxBytes });
  }
  const bytes = writeTree(root.children).subarray(0, maxBytes);
  return random.below(8) === 0 ? mutateBytes(bytes, random) : bytes;
}

/** The messages of a tree, the outermost first. */
function messagesOf(node) {
  return node.children === undefined ? [] : [node, ...node.children.flatMap(messagesOf)];
}

function anyMessage(root, random) {
  return random.oneOf(messagesOf(root));
}

const structural = [dropField, repeatField, swapFields, changeValue, changeValue, changeValue, addField, addField, addField];
structural.push(graft, graft, changeType, lieAboutLength, nest, useName, useName);

function dropField({ children }, random) {
  if (children.length > 0) children.splice(random.below(children.length), 1);
}

/** Mostly a few times, sometimes as often as there is room. */
function repeatField({ children }, random, { maxBytes }) {
  if (children.length === 0) return;
  const at = random.below(children.length);
  const bytes = writeTree([children[at]]).length;
  const most = Math.floor(maxBytes / Math.max(1, bytes));
  const times = Math.min(most, random.below(20) === 0 ? most : 1 + random.below(20));
  children.splice(at, 0, ...Array.from({ length: times }, () => structuredCopy(children[at])));
}

function swapFields({ children }, random) {
  if (children.length < 2) return;
  const [one, other] = [random.below(children.length), random.below(children.length)];
  [children[one], children[other]] = [children[other], children[one]];
}

function changeValue({ children }, random) {
  const leaves = children.filter((child) => child.children === undefined);
  if (leaves.length === 0) return;
  const leaf = random.oneOf(leaves);
  if (leaf.integer !== undefined) leaf.integer = anyInteger(random);
  else leaf.bytes = leaf.wire === 2 ? anyBytes(random) : random.bytes(leaf.bytes.length);
}

/** A field that the schema has in this place, with whatever value. */
function addField({ children, schema }, random) {
  if (schema.fields.length === 0) return;
  const field = random.oneOf(schema.fields);
  const node = { number: field.number };
  if (field.message !== undefined) Object.assign(node, { wire: 2, children: [], schema: field.message });
  else if (wireOf(field) === 0) Object.assign(node, { wire: 0, integer: anyInteger(random) });
  else
    Object.assign(node, {
      wire: wireOf(field),
      bytes: wireOf(field) === 2 ? anyBytes(random) : random.bytes(wireOf(field) === 1 ? 8 : 4),
    });
  children.splice(random.below(children.length + 1), 0, node);
}

function wireOf({ scalar }) {
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return 2;
  if (scalar === ScalarType.FLOAT) return 5;
  return scalar === ScalarType.DOUBLE ? 1 : 0;
}

/** Part of another model, in a message of the kind that it was in. */
function graft({ children, schema }, random, { donor }) {
  const hosts = messagesOf({ children: donor(), schema }).filter(
    (message) => message.schema === schema && message.children.length > 0,
  );
  if (hosts.length > 0) children.splice(random.below(children.length + 1), 0, random.oneOf(random.oneOf(hosts).children));
}

function changeType({ children }, random) {
  if (children.length === 0) return;
  const child = random.oneOf(children);
  if (random.below(2) === 0) child.number = 1 + random.below(30);
  else child.wire = random.below(8);
  if (child.wire !== 0 && child.integer !== undefined) {
    child.bytes = Uint8Array.of(Number(child.integer & 0xffn));
    delete child.integer;
  }
}

function lieAboutLength({ children }, random) {
  const records = children.filter(({ wire }) => wire === 2);
  if (records.length > 0) random.oneOf(records).lie = random.below(2) === 0 ? 1 + random.below(2 ** 31) : -random.below(100);
}

/** The graph within an attribute of a node of itself, as deep as it may be. */
function nest({ schema, children }, random) {
  const node = schema.fields.find(({ name }) => name === 'node');
  const attribute = node?.message?.fields.find(({ name }) => name === 'attribute');
  const graph = attribute?.message?.fields.find(({ name }) => name === 'g');
  if (graph === undefined) return;
  let inner = children.map(structuredCopy);
  for (let depth = random.below(4) === 0 ? 40 : 1 + random.below(4); depth > 0; depth--) {
    const holder = { number: graph.number, wire: 2, children: inner, schema };
    const held = { number: attribute.number, wire: 2, children: [holder], schema: attribute.message };
    inner = [{ number: node.number, wire: 2, children: [held], schema: node.message }];
  }
  children.push(...inner);
}

/** The name of something else: so values come to hang on themselves and on one another. */
function useName({ children }, random, { root }) {
  const texts = (nodes) => nodes.filter(({ wire, bytes }) => wire === 2 && bytes !== undefined && bytes.length < 200);
  const own = texts(children);
  if (own.length === 0) return;
  const all = messagesOf(root).flatMap((message) => texts(message.children));
  random.oneOf(own).bytes = random.oneOf(all).bytes;
}

function structuredCopy(node) {
  return node.children === undefined ? { ...node } : { ...node, children: node.children.map(structuredCopy) };
}

function anyInteger(random) {
  return random.below(4) === 0 ? BigInt(random.below(2 ** 32)) : random.oneOf(integers);
}

function anyBytes(random) {
  switch (random.below(6)) {
    case 0:
      return random.bytes(random.below(40));
    case 1:
      return Buffer.from(random.oneOf(words) + random.oneOf(words));
    case 2: {
      const times = 1 + random.below(random.below(4) === 0 ? 10_000 : 20);
      const [open, close] = random.oneOf([
        ['[', ']'],
        ['{"a":', '}'],
        ["{0: '", ''],
        ['9', ''],
        [' ', ''],
        ['é', ''],
      ]);
      return Buffer.from(open.repeat(times) + (random.below(2) === 0 ? close.repeat(times) : ''));
    }
    default:
      return Buffer.from(random.oneOf(words));
  }
}

function mutateBytes(bytes, random) {
  const copy = Buffer.from(bytes);
  if (copy.length === 0) return copy;
  for (let count = 1 + random.below(3); count > 0; count--) copy[random.below(copy.length)] = random.below(256);
  return random.below(2) === 0 ? copy : copy.subarray(0, random.below(copy.length));
}
