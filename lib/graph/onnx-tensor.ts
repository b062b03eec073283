import { isFieldSet } from '@bufbuild/protobuf';
import { ModelError } from '../errors/index.js';
import { typedArrays, type DType, type TypedArrayOf } from '../tensor/index.js';
import { elementTypeOf, layoutOf, type ElementLayout, type ElementType } from './element-type.js';
import { ExternalData } from './external-data.js';
import type { ReadOptions } from './file-bytes.js';
import { TensorProto_DataLocation, TensorProtoSchema, type TensorProto } from './onnx_pb.js';

/** Elements of a constant: see {@link OnnxTensor.data}. */
export type TensorData = TypedArrayOf<DType>;

/** What is read into one array. */
const maxReadBytes = 2 ** 30;

/** A constant of a model: an initializer or the value of an attribute. */
export class OnnxTensor {
  readonly name: string;
  /** Sizes, outermost first; none for a scalar. */
  readonly dims: readonly number[];
  readonly dtype: ElementType;
  /** Set where the elements are in another file; {@link read} gets them. */
  readonly external: ExternalData | undefined;
  readonly proto: TensorProto;
  readonly #layout: ElementLayout | undefined;
  #data: TensorData | undefined;

  /** @internal Throws MODEL_INVALID where shape, type and number of bytes do not go together. */
  constructor(proto: TensorProto, folder: string | undefined) {
    this.proto = proto;
    this.name = proto.name;
    this.dims = Object.freeze(proto.dims.map((size) => this.#dimension(size)));
    this.dtype = elementTypeOf(proto.dataType);
    this.#layout = layoutOf(this.dtype);
    if (proto.dataType === 0) throw this.#invalid('it has no element type');
    if (!Number.isSafeInteger(this.elementCount))
      throw this.#invalid(`its shape [${this.dims.join(', ')}] has too many elements`);
    this.external = proto.dataLocation === TensorProto_DataLocation.EXTERNAL ? new ExternalData(proto, folder) : undefined;
    if (this.external === undefined) this.#checkSize();
    else if (this.dtype === 'string') throw this.#invalid('strings cannot lie in another file');
  }

  /** Product of the sizes. */
  get elementCount(): number {
    return this.dims.reduce((product, size) => product * size, 1);
  }

  /** Size of the elements in raw form; undefined for strings and unknown types. */
  get byteLength(): number | undefined {
    return this.#layout && Math.ceil((this.elementCount * this.#layout.bits) / 8);
  }

  /**
   * The elements, rows first. A view over the bytes of the model where they are stored as such and lie aligned there (do not write to it),
   * else a copy made at the first call.
   *
   * float16 and bfloat16 are bit patterns in a Uint16Array, bool is a Uint8Array of 0 and 1, complex numbers are pairs. Types that have no
   * typed array (float8, float4, int4, int2) are their packed bytes. Undefined for strings, for unknown types, and while the elements are
   * in another file.
   */
  get data(): TensorData | undefined {
    if (this.#layout === undefined || this.external !== undefined) return undefined;
    return (this.#data ??= this.#elements(this.#layout));
  }

  /** The elements of a tensor of strings; undefined for all others. Bytes that are not UTF-8 become U+FFFD. */
  get strings(): readonly string[] | undefined {
    if (this.dtype !== 'string' || this.external !== undefined) return undefined;
    const decoder = new TextDecoder();
    return this.proto.stringData.map((bytes) => decoder.decode(bytes));
  }

  /**
   * {@link data}, read from its file where it is external: fresh memory at every call, nothing is kept.
   *
   * Rejects with MODEL_NOT_FOUND or MODEL_INVALID (see {@link ExternalData}), MODEL_UNSUPPORTED for strings, for unknown types and for external elements
   * above 1 GiB, which {@link chunks} gives piece by piece, or ABORTED.
   */
  async read(options: ReadOptions = {}): Promise<TensorData> {
    if (this.#layout === undefined) throw this.#notNumbers();
    if (this.external === undefined) return this.data as TensorData;
    if ((this.byteLength as number) > maxReadBytes) {
      throw new ModelError('MODEL_UNSUPPORTED', {
        message: `Expected at most ${maxReadBytes} bytes to read at once but ${this.#label()} has ${this.byteLength}`,
        hint: 'Read them in pieces: `for await (const bytes of tensor.chunks())`.',
      });
    }
    return asTypedArray(await this.external.readBytes(this.byteLength, options), this.#layout.array);
  }

  /**
   * The elements as little-endian bytes, rows first, in pieces which may end within an element; those from another file have 32 MiB or less. A piece is
   * overwritten by the next one, and not to be written to. Elements of unknown type are given where they are in another file.
   *
   * Rejects as {@link read}, whatever their size.
   */
  async *chunks(options: ReadOptions = {}): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.external !== undefined) return yield* this.external.pieces(this.byteLength, options);
    if (this.#layout === undefined) throw this.#notNumbers();
    const stored = this.#chunks(this.#layout.field);
    if (stored !== undefined) return yield* stored;
    const { buffer, byteOffset, byteLength } = this.data as TensorData;
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }

  #elements({ array, field }: ElementLayout): TensorData {
    const chunks = this.#chunks(field);
    if (chunks !== undefined) return asTypedArray(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks), array);
    const list = this.proto[field] as (number | bigint)[];
    if (array === 'int64') return BigInt64Array.from(list as bigint[]);
    if (array === 'uint64') return BigUint64Array.from(list as bigint[]);
    return typedArrays[array].from(field === 'uint64Data' ? list.map(Number) : (list as number[]));
  }

  /** The elements as little-endian bytes, in as many pieces as the file has them; undefined where they are a list of integers. */
  #chunks(field: ElementLayout['field']): readonly Uint8Array[] | undefined {
    if (isFieldSet(this.proto, TensorProtoSchema.field.rawData)) return [this.proto.rawData];
    return field === 'floatData' || field === 'doubleData' ? this.proto[field] : undefined;
  }

  #checkSize(): void {
    if (this.dtype === 'string') return this.#checkCount('strings', this.elementCount, this.proto.stringData.length);
    if (this.#layout === undefined) return;
    const { bits, field } = this.#layout;
    const chunks = this.#chunks(field);
    if (chunks !== undefined) {
      const received = chunks.reduce((total, chunk) => total + chunk.length, 0);
      return this.#checkCount('bytes', this.byteLength as number, received);
    }
    // One integer per element, or per byte of narrower elements.
    const expected = bits < 8 ? (this.byteLength as number) : this.elementCount;
    this.#checkCount('list entries', expected, this.proto[field].length);
  }

  #checkCount(what: string, expected: number, received: number): void {
    if (expected === received) return;
    throw this.#invalid(
      `expected ${expected} ${what} for shape [${this.dims.join(', ')}] of ${this.dtype} but received ${received}`,
    );
  }

  #dimension(size: bigint): number {
    if (size < 0n || size > BigInt(Number.MAX_SAFE_INTEGER)) throw this.#invalid(`it has a dimension of ${size}`);
    return Number(size);
  }

  #notNumbers(): ModelError {
    return new ModelError('MODEL_UNSUPPORTED', {
      message: `Expected a tensor of numbers but ${this.#label()} holds elements of type ${this.dtype} (${this.proto.dataType})`,
      hint: 'Read tensors of strings from `strings`; for other types see `proto`.',
    });
  }

  #label(): string {
    return `tensor ${JSON.stringify(this.proto.name)}`;
  }

  #invalid(reason: string): ModelError {
    return new ModelError('MODEL_INVALID', {
      message: `Invalid ${this.#label()}: ${reason}`,
      hint: 'The file is damaged or was written by a faulty exporter: export the model again.',
    });
  }
}

/** Little-endian elements as an array: a view where the address allows one. Every platform of foveate is little-endian. */
function asTypedArray(bytes: Uint8Array, dtype: DType): TensorData {
  const array = typedArrays[dtype];
  const size = array.BYTES_PER_ELEMENT;
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return new array(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / size);
}
