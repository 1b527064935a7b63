import type { Attachment } from "./attachment.ts";
import type { Ports } from "./ports.ts";

/**
 * The interface first: once the address is free another pod may get it, and two interfaces must never use it. One that
 * is down, without routes, uses it no longer: while the kernel takes it away, the address is released. Both ports take
 * what is missing, and what a newer container has by now, as done.
 */
export async function del(attachment: Attachment, { links, addresses }: Ports): Promise<void> {
  const down = Promise.withResolvers<void>();
  const gone = links.unwire(attachment, down.resolve);
  await Promise.race([down.promise, gone]);
  await Promise.all([gone, addresses.release(attachment)]);
}
