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
    const counts = countsOf(bytes);
    for (let type = 1; type < kinds.length; type++) {
      const kind = kinds[type];
      if (kind !== undefined) this.#sent[kind] += counts[type] ?? 0;
    }
  }

  status(): { readonly sent: MessageCounts; readonly received: MessageCounts } {
    return { sent: { ...this.#sent }, received: { ...this.#received } };
  }
}

/** Of the bytes counted last: a block of UPDATEs is sent to one peer after the other. */
const counted: { bytes: Uint8Array; readonly counts: Uint32Array } = {
  bytes: new Uint8Array(0),
  counts: new Uint32Array(kinds.length),
};

/** How many there are of each type. */
function countsOf(bytes: Uint8Array): Uint32Array {
  if (bytes === counted.bytes) return counted.counts;
  const { counts } = counted;
  counts.fill(0);
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const type = bytes[at + typeAt] ?? 0;
    if (type < counts.length) counts[type] = (counts[type] ?? 0) + 1;
    at += Math.max(headerBytes, ((bytes[at + lengthAt] ?? 0) << 8) | (bytes[at + lengthAt + 1] ?? 0));
  }
  counted.bytes = bytes;
  return counts;
}

function none(): Record<Kind, number> {
  return { open: 0, update: 0, notification: 0, keepalive: 0, routeRefresh: 0 };
}
