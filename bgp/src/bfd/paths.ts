/** Which session a packet is of: RFC 5880 §6.3, RFC 5881 §3, RFC 5883 §4. */
import { formatAddress, parseAddress } from "@brindle/net";
import type { BfdSettings } from "../speaker/config.ts";
import type { ControlPacket } from "./packet.ts";

/** What is to be watched, and how. */
export interface BfdPath extends BfdSettings {
  readonly address: string;
  /** Where packets leave from. */
  readonly localAddress?: string;
  /** The link of an address that has a meaning on it alone. */
  readonly interface?: string;
}

/** Single hop and multihop have ports of their own, and so keys. */
export function pathKey(address: string, multihop: boolean): string {
  return `${multihop ? "multihop" : "single hop"} ${address}`;
}

/** Where a packet to the path goes and one from it comes from: a link-local address with its link. */
export function zonedAddress({ address: text, interface: name }: Pick<BfdPath, "address" | "interface">): string {
  const parsed = parseAddress(text);
  const address = parsed ? formatAddress(parsed) : text;
  return name !== undefined && /^fe80:/i.test(address) ? `${address}%${name}` : address;
}

/** Sessions by our discriminator, and by whence their first packets come. */
export class Demultiplexer<T extends { readonly discriminator: number; readonly key: string }> {
  readonly #byDiscriminator = new Map<number, T>();
  readonly #byKey = new Map<string, T>();

  add(session: T): void {
    this.#byDiscriminator.set(session.discriminator, session);
    this.#byKey.set(session.key, session);
  }

  remove(session: T): void {
    this.#byDiscriminator.delete(session.discriminator);
    if (this.#byKey.get(session.key) === session) this.#byKey.delete(session.key);
  }

  isTaken(discriminator: number): boolean {
    return this.#byDiscriminator.has(discriminator);
  }

  /**
   * The discriminator decides where there is one. It must come from where the session's packets come from all the same:
   * RFC 5880 allows other sources, but who can guess 32 bits is not to keep a dead path up from anywhere (§9).
   */
  find({ yourDiscriminator }: ControlPacket, key: string): T | null {
    if (yourDiscriminator === 0) return this.#byKey.get(key) ?? null;
    const session = this.#byDiscriminator.get(yourDiscriminator);
    return session?.key === key ? session : null;
  }
}
