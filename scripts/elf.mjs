/**
 * A small reader of ELF shared libraries (64 bit, little endian), so that what is shipped can be checked where no
 * binutils are, and for a foreign processor. Names and numbers follow the System V gABI and the GNU symbol versioning
 * extension.
 */

const DT = {
  NULL: 0,
  NEEDED: 1,
  STRTAB: 5,
  SONAME: 14,
  RPATH: 15,
  RUNPATH: 29,
  VERSYM: 0x6ffffff0,
  FLAGS_1: 0x6ffffffb,
  VERDEF: 0x6ffffffc,
  VERDEFNUM: 0x6ffffffd,
  VERNEED: 0x6ffffffe,
  VERNEEDNUM: 0x6fffffff,
  AUXILIARY: 0x7ffffffd,
  FILTER: 0x7fffffff,
};
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const SHT_DYNSYM = 11;
const SHN_UNDEF = 0;
const STB_LOCAL = 0;
const STB_WEAK = 2;
const STV_INTERNAL = 1;
const STV_HIDDEN = 2;
const VER_FLG_BASE = 1;
/** In the table of versions: global, of no version. Below it local, above it an index; the highest bit says hidden. */
const VER_NDX_GLOBAL = 1;

/** DF_1_NODELETE: the library stays mapped after dlclose. */
export const DF_1_NODELETE = 0x8;

/** Processors by e_machine, in Node's spelling. */
const machines = { 62: 'x64', 183: 'arm64' };

/**
 * @typedef {object} Elf
 * @property {string} machine `x64`, `arm64`, or `e_machine N`.
 * @property {string[]} needed Libraries that the loader must find (DT_NEEDED).
 * @property {string | undefined} soname
 * @property {string | undefined} rpath
 * @property {string | undefined} runpath
 * @property {number} flags1 DT_FLAGS_1, 0 where there is none.
 * @property {string[]} exports Dynamic symbols that others can bind to, sorted.
 * @property {{ name: string, weak: boolean, versioned: boolean }[]} imports Dynamic symbols that others have to define, by name; a weak one may be missing.
 * @property {{ library: string, versions: string[] }[]} versionNeeds Symbol versions asked of other libraries.
 * @property {string[]} sections Names of the sections.
 * @property {StringUse[]} stringUses Every reference into the dynamic string table.
 * @property {number} stringsOffset File offset of the dynamic string table.
 */

/**
 * @typedef {object} StringUse
 * @property {'needed' | 'soname' | 'path' | 'symbol' | 'version base' | 'version'} kind
 * @property {number} at Offset in the string table.
 * @property {number} [hashOffset] File offset of the hash of this string, where a version definition stores one.
 */

/**
 * @param {Buffer} bytes A whole file.
 * @returns {Elf}
 * @throws {Error} where the bytes are not a 64-bit little-endian ELF file with a dynamic section.
 */
export function readElf(bytes) {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) throw new Error('not an ELF file');
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new Error('expected 64-bit little-endian ELF');
  const machine = bytes.readUInt16LE(18);
  const segments = readSegments(bytes);
  const entries = readDynamic(bytes, segments);
  const single = (tag) => entries.find((entry) => entry.tag === tag)?.value;
  const fileOffset = (address) => toFileOffset(segments, address);

  const stringsOffset = fileOffset(single(DT.STRTAB));
  const text = (at) => cString(bytes, stringsOffset + at);
  const optionalText = (tag) => (single(tag) === undefined ? undefined : text(single(tag)));
  const { sections, symbols } = readSections(bytes, text);
  const versionIndices = fileOffset(single(DT.VERSYM));
  const isVersioned = (index) =>
    versionIndices !== undefined && (bytes.readUInt16LE(versionIndices + 2 * index) & 0x7fff) > VER_NDX_GLOBAL;
  const needs = readVersionNeeds(bytes, fileOffset(single(DT.VERNEED)), single(DT.VERNEEDNUM) ?? 0);
  const definitions = readVersionDefinitions(bytes, fileOffset(single(DT.VERDEF)), single(DT.VERDEFNUM) ?? 0);

  const kinds = [
    [DT.NEEDED, 'needed'],
    [DT.SONAME, 'soname'],
    [DT.RPATH, 'path'],
    [DT.RUNPATH, 'path'],
    [DT.AUXILIARY, 'needed'],
    [DT.FILTER, 'needed'],
  ];
  return {
    machine: machines[machine] ?? `e_machine ${machine}`,
    needed: entries.filter(({ tag }) => tag === DT.NEEDED).map(({ value }) => text(value)),
    soname: optionalText(DT.SONAME),
    rpath: optionalText(DT.RPATH),
    runpath: optionalText(DT.RUNPATH),
    flags1: single(DT.FLAGS_1) ?? 0,
    exports: symbols
      .filter((symbol) => symbol.exported)
      .map((symbol) => symbol.name)
      .sort(),
    imports: symbols
      .filter((symbol) => symbol.imported)
      .map(({ name, weak, index }) => ({ name, weak, versioned: isVersioned(index) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    versionNeeds: needs.map(({ file, names }) => ({ library: text(file), versions: names.map(text) })),
    sections,
    stringUses: [
      ...kinds.flatMap(([tag, kind]) => entries.filter((e) => e.tag === tag).map((e) => ({ kind, at: e.value }))),
      ...symbols.map(({ at }) => ({ kind: 'symbol', at })),
      ...needs.flatMap(({ file, names }) => [{ kind: 'needed', at: file }, ...names.map((at) => ({ kind: 'version', at }))]),
      ...definitions,
    ],
    stringsOffset,
  };
}

/**
 * Gives a library another DT_SONAME of the same length, in place, with the version definition that repeats it.
 *
 * @param {Buffer} bytes A whole file; changed.
 * @param {string} from The present name.
 * @param {string} to
 * @throws {Error} where the names differ in length, `from` is not the name, or something else uses that string.
 */
export function renameSoname(bytes, from, to) {
  const elf = readElf(bytes);
  if (elf.soname !== from) throw new Error(`expected the SONAME ${from}, found ${elf.soname}`);
  if (Buffer.byteLength(from) !== Buffer.byteLength(to)) throw new Error(`${from} and ${to} differ in length`);
  const start = elf.stringUses.find(({ kind }) => kind === 'soname').at;
  // Linkers share strings, and tails of strings: any use inside the range would be renamed with it.
  const shared = elf.stringUses.filter(({ at }) => at >= start && at <= start + from.length);
  const foreign = shared.filter(({ kind }) => kind !== 'soname' && kind !== 'version base');
  // A string that begins earlier and runs into the range has no zero byte between.
  const before = bytes[elf.stringsOffset + start - 1];
  if (foreign.length > 0 || before !== 0) {
    throw new Error(`the string ${from} is also used as ${foreign.map(({ kind }) => kind).join(', ') || 'a tail'}`);
  }
  bytes.write(to, elf.stringsOffset + start, 'latin1');
  for (const { hashOffset } of shared) if (hashOffset !== undefined) bytes.writeUInt32LE(elfHash(to), hashOffset);
}

/** The hash function of the gABI, used in version definitions. */
function elfHash(name) {
  let hash = 0;
  for (const byte of Buffer.from(name, 'latin1')) {
    hash = ((hash << 4) >>> 0) + byte;
    const high = hash & 0xf0000000;
    hash = (hash ^ (high >>> 24)) & ~high;
  }
  return hash >>> 0;
}

function cString(bytes, offset) {
  return bytes.toString('latin1', offset, bytes.indexOf(0, offset));
}

/** File offsets and addresses of real files are far below 2^53. */
function readNumber64(bytes, offset) {
  return Number(bytes.readBigUInt64LE(offset));
}

function readSegments(bytes) {
  const table = readNumber64(bytes, 32);
  const size = bytes.readUInt16LE(54);
  return Array.from({ length: bytes.readUInt16LE(56) }, (_, index) => {
    const at = table + index * size;
    return {
      type: bytes.readUInt32LE(at),
      offset: readNumber64(bytes, at + 8),
      address: readNumber64(bytes, at + 16),
      size: readNumber64(bytes, at + 32),
    };
  });
}

function toFileOffset(segments, address) {
  if (address === undefined) return undefined;
  const segment = segments.find((s) => s.type === PT_LOAD && address >= s.address && address < s.address + s.size);
  if (!segment) throw new Error(`no segment holds the address ${address}`);
  return address - segment.address + segment.offset;
}

function readDynamic(bytes, segments) {
  const segment = segments.find(({ type }) => type === PT_DYNAMIC);
  if (!segment) throw new Error('no dynamic section: not a shared library');
  const entries = [];
  for (let at = segment.offset; ; at += 16) {
    const tag = readNumber64(bytes, at);
    if (tag === DT.NULL) return entries;
    entries.push({ tag, value: readNumber64(bytes, at + 8) });
  }
}

function readSections(bytes, text) {
  const table = readNumber64(bytes, 40);
  const size = bytes.readUInt16LE(58);
  const headers = Array.from({ length: bytes.readUInt16LE(60) }, (_, index) => {
    const at = table + index * size;
    return {
      name: bytes.readUInt32LE(at),
      type: bytes.readUInt32LE(at + 4),
      offset: readNumber64(bytes, at + 24),
      size: readNumber64(bytes, at + 32),
    };
  });
  const names = headers[bytes.readUInt16LE(62)];
  const dynamicSymbols = headers.find(({ type }) => type === SHT_DYNSYM);
  if (!names || !dynamicSymbols) throw new Error('no section headers: the dynamic symbols cannot be counted');
  return {
    sections: headers.map(({ name }) => cString(bytes, names.offset + name)),
    symbols: readSymbols(bytes, dynamicSymbols, text),
  };
}

function readSymbols(bytes, section, text) {
  const symbolSize = 24;
  return Array.from({ length: section.size / symbolSize }, (_, index) => {
    const offset = section.offset + index * symbolSize;
    const at = bytes.readUInt32LE(offset);
    const binding = bytes[offset + 4] >> 4;
    const visibility = bytes[offset + 5] & 3;
    const defined = bytes.readUInt16LE(offset + 6) !== SHN_UNDEF;
    const hidden = visibility === STV_INTERNAL || visibility === STV_HIDDEN;
    return {
      ...{ index, at, name: text(at), weak: binding === STB_WEAK },
      exported: defined && binding !== STB_LOCAL && !hidden,
      imported: !defined && binding !== STB_LOCAL,
    };
  });
}

function readVersionNeeds(bytes, start, count) {
  const needs = [];
  for (let at = start; needs.length < count; at += bytes.readUInt32LE(at + 12)) {
    const names = [];
    for (let aux = at + bytes.readUInt32LE(at + 8); names.length < bytes.readUInt16LE(at + 2);) {
      names.push(bytes.readUInt32LE(aux + 8));
      aux += bytes.readUInt32LE(aux + 12);
    }
    needs.push({ file: bytes.readUInt32LE(at + 4), names });
  }
  return needs;
}

function readVersionDefinitions(bytes, start, count) {
  const uses = [];
  for (let at = start, read = 0; read < count; read += 1, at += bytes.readUInt32LE(at + 16)) {
    const base = (bytes.readUInt16LE(at + 2) & VER_FLG_BASE) !== 0;
    let aux = at + bytes.readUInt32LE(at + 12);
    for (let name = 0; name < bytes.readUInt16LE(at + 6); name += 1) {
      // Only the first name is the definition itself, the others are its parents.
      const own = name === 0 ? { hashOffset: at + 8 } : {};
      uses.push({ kind: base ? 'version base' : 'version', at: bytes.readUInt32LE(aux), ...own });
      aux += bytes.readUInt32LE(aux + 4);
    }
  }
  return uses;
}
