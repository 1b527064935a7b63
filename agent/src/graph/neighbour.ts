/** A session to be: who the other end is, and all that the resource says of the session, before anything is said about routes. */
import type { SecretReference } from "@brindle/api";
import type { PeerConfig } from "@brindle/bgp";
import { type Address, formatAddress, formatPrefix, type Prefix } from "@brindle/net";

/** Where the other end is. */
export type Place =
  | {
      readonly kind: "address";
      readonly address: Address;
      readonly port: number;
      /** Our own end; `null` for the one that the kernel takes. */
      readonly localAddress: Address | null;
      /** The gateway on the way there, by which the node is to have a route of its own. */
      readonly reachableBy?: Address;
      /** The link of an address that is of one link alone. */
      readonly interface?: string;
    }
  /** Found by its router advertisements. */
  | { readonly kind: "interface"; readonly interface: string }
  /** It dials. */
  | { readonly kind: "range"; readonly range: Prefix; readonly localAddress: Address | null };

/** What a resource says of the session itself. */
export interface SessionWish {
  /** As they stand in the speaker's configuration. */
  readonly fields?: SessionFields;
  /** BGPFilters by name, in order. */
  readonly filters?: readonly string[];
  /** What is changed in all routes that the peer is told, or tells. */
  readonly announced?: RouteChanges;
  readonly accepted?: RouteChanges;
  /** Where the password stands without which it must not be dialled. */
  readonly password?: SecretReference;
  /** Why there can be no session. */
  readonly lacks?: string;
}

export type SessionFields = Readonly<
  Partial<
    Pick<
      PeerConfig,
      | "passive"
      | "holdSeconds"
      | "keepaliveSeconds"
      | "connectRetrySeconds"
      | "ttlSecurity"
      | "bfd"
      | "gracefulRestart"
      | "families"
      | "addPath"
      | "localRole"
      | "strictRole"
      | "nextHopMode"
      | "ownAsMax"
      | "maxPrefixes"
      | "gracefulShutdown"
      | "shutdown"
      | "localAsn"
    >
  >
>;

export interface RouteChanges {
  readonly communities?: readonly string[];
  readonly med?: number;
  readonly localPreference?: number;
  readonly prependASPath?: readonly number[];
}

export interface Neighbour extends SessionWish {
  readonly name: string;
  readonly role: "mesh" | "peer";
  readonly place: Place;
  readonly asn: number;
}

/** What two sessions cannot have in common. */
export function placeKey(place: Place): string {
  switch (place.kind) {
    case "address":
      return formatAddress(place.address);
    case "interface":
      return `interface ${place.interface}`;
    case "range":
      return `range ${formatPrefix(place.range)}`;
  }
}
