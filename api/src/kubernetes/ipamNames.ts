/**
 * What the objects of address management are called on Kubernetes: Calico's names, so that its tools find them. They are
 * not one to one. `host:h-1/2::/122` and `host:h/1:2::/122` have one name, as have handles that differ in upper and lower
 * case. So a name proves nothing: what an object is stands in its spec, and a name that is taken is refused.
 */
import { createHash } from "node:crypto";
import { type IpamKind, ipamKinds } from "../kinds/ipam.ts";
import { nameOfPrefix } from "../kinds/ipamFields.ts";
import type { Stored } from "../store/store.ts";

/** Longest name of an object but one: Calico shortens from here on. */
const nameLengthMax = 252;
const hashLength = 11;

export function ipamObjectName(kind: IpamKind, name: string): string {
  switch (kind) {
    case "IPAMBlock":
      return nameOfPrefix(name);
    case "BlockAffinity":
      return affinityObjectName(name);
    case "IPAMHandle":
      return handleObjectName(name);
  }
}

function affinityObjectName(name: string): string {
  const { node, cidr } = affinityOf(name);
  const block = nameOfPrefix(cidr);
  const whole = `${node}-${block}`;
  if (whole.length <= nameLengthMax) return whole;
  const hash = createHash("sha256").update(`${node}+${block}`).digest("hex").slice(0, hashLength);
  return `${node.slice(0, nameLengthMax - block.length - hashLength - "--".length)}-${block}-${hash}`;
}

/** A container's id is a name already; in what another runtime calls it, any other sign becomes a dash. */
function handleObjectName(handle: string): string {
  return handle.toLowerCase().replaceAll(/[^a-z0-9.-]/g, "-");
}

export interface Affinity {
  readonly type: "host" | "virtual";
  readonly node: string;
  readonly cidr: string;
}

/** Of `host:node1/10.0.0.0/26`. Throws a `RangeError` for what is no affinity. */
export function affinityOf(name: string): Affinity {
  const { type, node, cidr } = ipamKinds.BlockAffinity.toResource(name, unclaimed).spec;
  return { type, node, cidr };
}

const unclaimed: Stored["BlockAffinity"] = { state: "pending", deleted: false };

/** By these Calico lists the affinities of a node. A node's name may be longer than a label, its hash is not. */
export function affinityLabels({ type, node, cidr }: Affinity): Readonly<Record<string, string>> {
  return {
    ...ownerLabels({ type, node }),
    "projectcalico.org/ip-version": cidr.includes(":") ? "6" : "4",
  };
}

export function ownerLabels({ type, node }: Omit<Affinity, "cidr">): Readonly<Record<string, string>> {
  return {
    "projectcalico.org/hostname-hash": base32(createHash("sha3-256").update(node).digest()),
    "projectcalico.org/affinity-type": type,
  };
}

const base32Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** RFC 4648 §6, without padding. */
function base32(bytes: Uint8Array): string {
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return (bits.match(/.{1,5}/g) ?? []).map((group) => base32Digits[Number.parseInt(group.padEnd(5, "0"), 2)]).join("");
}
