import type { Message } from '@bufbuild/protobuf';

/**
 * A copy of a message with some fields changed. The others are shared, weights among them; so are the defaults of fields that are not set, which
 * lie in the prototype.
 */
export function changed<M extends Message>(message: M, fields: Partial<M>): M {
  return Object.assign(Object.create(Object.getPrototypeOf(message) as object) as M, message, fields);
}
