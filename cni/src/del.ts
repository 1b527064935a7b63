import type { Attachment } from "./attachment.ts";
import type { Ports } from "./ports.ts";

/**
 * The interface first: once the address is free another pod may get it, and two interfaces must never use it. One that
 * is down, without routes, uses it no longer: while the kernel takes it away, the address is released. Both ports take
 * what is missing, and what a newer container has by now, as done.
 *
 * `gone` resolves when there is no interface any more. Whoever answers a runtime need not wait for it: nothing passes, and the
 * next ADD that needs the name waits by itself.
 */
export async function del(
  attachment: Attachment,
  { links, addresses }: Ports,
): Promise<{ readonly gone: Promise<void> }> {
  const down = Promise.withResolvers<void>();
  const gone = links.unwire(attachment, down.resolve);
  gone.catch(() => {}); // It may fail before anybody waits for it.
  await Promise.race([down.promise, gone]);
  await addresses.release(attachment);
  return { gone };
}

/** All of it. */
export async function delWholly(attachment: Attachment, ports: Ports): Promise<void> {
  const { gone } = await del(attachment, ports);
  await gone;
}
