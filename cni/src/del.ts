import type { Attachment } from "./attachment.ts";
import type { Ports } from "./ports.ts";

/**
 * The interface first: once the address is free another pod may get it, and two interfaces must never hold it. Both
 * ports take what is missing, and what a newer container has by now, as done.
 */
export async function del(attachment: Attachment, { links, addresses }: Ports): Promise<void> {
  await links.unwire(attachment);
  await addresses.release(attachment);
}
