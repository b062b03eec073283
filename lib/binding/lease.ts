import { DisposedError } from '../errors/index.js';
import { attempt, native } from './call.js';
import type { LeaseHandle, NativeLease } from './native.js';

/**
 * Native memory on loan, seen through one ArrayBuffer. Releasing detaches that ArrayBuffer, so that the memory can serve
 * another request; a lease that is forgotten instead is freed when its ArrayBuffer is collected.
 */
export class Lease {
  readonly handle: LeaseHandle;
  readonly #buffer: ArrayBuffer;
  readonly #owner: string;
  #released = false;

  /** `owner` is what the memory belongs to, for messages. */
  constructor(lease: NativeLease, owner: 'tensor' | 'picture' = 'tensor') {
    this.handle = lease.handle;
    this.#buffer = lease.buffer;
    this.#owner = owner;
  }

  /** Uninitialised memory, aligned to 64 bytes. Throws OUT_OF_MEMORY. */
  static allocate(bytes: number): Lease {
    return new Lease(attempt(() => native().leaseAllocate(bytes)));
  }

  /** Throws DISPOSED after {@link release}. */
  get buffer(): ArrayBuffer {
    if (this.#released) {
      throw new DisposedError('DISPOSED', {
        message: `The ${this.#owner} was disposed: its memory may already serve another request`,
        hint: 'Read what you need before dispose(), or copy it with slice().',
      });
    }
    return this.#buffer;
  }

  get released(): boolean {
    return this.#released;
  }

  /** Idempotent. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    attempt(() => native().leaseRelease(this.handle, this.#buffer));
  }

  [Symbol.dispose](): void {
    this.release();
  }
}
