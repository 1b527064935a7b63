/**
 * A copy that does not hold on to the buffer that the bytes came in. Not `bytes.slice()`: what sockets give are Buffers,
 * whose `slice` is a view.
 */
export function copyOf(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}
