/** How many messages of each kind went to a peer and came from it, over all its sessions. */
import type { MessageCounts } from "../control.ts";
import type { Message } from "../wire/message.ts";

type Kind = Message["type"];

/** By the type of RFC 4271 §4.1 and RFC 2918. */
const kinds: readonly (Kind | undefined)[] = [undefined, "open", "update", "notification", "keepalive", "routeRefresh"];

const lengthAt = 16;
const typeAt = 18;
const headerBytes = 19;

export class MessageCounters {
  readonly #sent = none();
  readonly #received = none();

  received(kind: Kind): void {
    this.#received[kind] += 1;
  }

  /** Whole messages, one behind the other, as we made them. */
  sent(bytes: Uint8Array): void {
    for (let at = 0; at + headerBytes <= bytes.length; ) {
      const kind = kinds[bytes[at + typeAt] ?? 0];
      if (kind !== undefined) this.#sent[kind] += 1;
      at += Math.max(headerBytes, ((bytes[at + lengthAt] ?? 0) << 8) | (bytes[at + lengthAt + 1] ?? 0));
    }
  }

  status(): { readonly sent: MessageCounts; readonly received: MessageCounts } {
    return { sent: { ...this.#sent }, received: { ...this.#received } };
  }
}

function none(): Record<Kind, number> {
  return { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 };
}
