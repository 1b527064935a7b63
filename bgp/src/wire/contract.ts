/** What every codec of this folder takes and gives. */
import type { Family } from "@brindle/net";
import type { Fault } from "./fault.ts";
import type { Message } from "./message.ts";

/** What the two sides agreed on, as far as it changes the bytes. Before the OPENs are exchanged nothing of it matters. */
export interface CodecContext {
  /** Whether both sides announced four-octet AS numbers (RFC 6793). */
  readonly fourOctetAs: boolean;
  /** Whether the peer is in another AS. */
  readonly external: boolean;
  /** The families that both sides announced. */
  readonly families: readonly Family[];
  /** Whether IPv4 prefixes may have IPv6 next hops (RFC 8950). */
  readonly extendedNextHop?: boolean;
  /** Whether both sides announced enhanced route refresh (RFC 7313). */
  readonly enhancedRefresh?: boolean;
  /** The families whose prefixes the peer sends with path identifiers (RFC 7911). Absent: none. */
  readonly addPath?: readonly Family[];
}

/** All that encoding needs: who may hear which attribute is the export policy's to decide. */
export interface EncodeContext extends Pick<CodecContext, "fourOctetAs"> {
  /** How long a message may be; 4096 unless the peer takes longer ones (RFC 8654). */
  readonly messageBytesMax?: number;
}

export type DecodeResult =
  | { readonly kind: "message"; readonly message: Message }
  /** Well formed, and by its RFC to be ignored. */
  | { readonly kind: "ignored"; readonly reason: string }
  | Fault;
