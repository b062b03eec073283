const binaryKinds: readonly { readonly offset: number; readonly magic: string; readonly kind: string }[] = [
  { offset: 0, magic: '\x89PNG\r\n', kind: 'a PNG picture' },
  { offset: 0, magic: '\xff\xd8\xff', kind: 'a JPEG picture' },
  { offset: 0, magic: 'GIF8', kind: 'a GIF picture' },
  { offset: 8, magic: 'WEBP', kind: 'a WebP picture' },
  { offset: 0, magic: '\x89HDF\r\n', kind: 'an HDF5 file (Keras)' },
  { offset: 4, magic: 'TFL3', kind: 'a TensorFlow Lite model' },
  { offset: 4, magic: 'ORTM', kind: 'an ONNX Runtime (.ort) model' },
  { offset: 0, magic: 'GGUF', kind: 'a GGUF model' },
  { offset: 0, magic: '\x93NUMPY', kind: 'a NumPy array' },
  { offset: 0, magic: 'PK\x03\x04', kind: 'a zip archive (PyTorch .pt files are such)' },
  { offset: 0, magic: '\x1f\x8b', kind: 'a gzip archive' },
  { offset: 0, magic: '\x80\x02', kind: 'a Python pickle (PyTorch)' },
  { offset: 0, magic: '\x80\x04', kind: 'a Python pickle' },
  { offset: 0, magic: '\x7fELF', kind: 'a program or shared library' },
  { offset: 0, magic: 'MZ', kind: 'a Windows program or library' },
  { offset: 0, magic: '%PDF', kind: 'a PDF document' },
  { offset: 8, magic: '{"', kind: 'a safetensors file' },
];

const textKinds: readonly { readonly pattern: RegExp; readonly kind: string }[] = [
  { pattern: /^version https:\/\/git-lfs/, kind: 'a Git LFS pointer, not the file it stands for' },
  { pattern: /^\s*<(!doctype html|html)/i, kind: 'a web page' },
  { pattern: /^\s*<\?xml/i, kind: 'XML (OpenVINO models are such)' },
  { pattern: /^\s*[{[]/, kind: 'JSON' },
];

/** What a file that is no ONNX model looks like, by its first bytes; undefined where they tell nothing. */
export function fileKind(bytes: Uint8Array): string | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 512));
  const start = head.toString('latin1');
  const binary = binaryKinds.find(({ offset, magic }) => start.startsWith(magic, offset));
  if (binary !== undefined) return binary.kind;
  if (head.every((byte) => byte === 0)) return 'a run of zero bytes';
  if (head.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d)) return undefined;
  return textKinds.find(({ pattern }) => pattern.test(start))?.kind ?? 'text';
}
