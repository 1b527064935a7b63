/** The names of what is ours in the kernel, by which a later agent that remembers nothing knows it. */
import { createHash } from "node:crypto";
import type { Family } from "@brindle/net";

/** Not `cali`: Felix rewrites and removes whatever begins so, and the two may meet on one node. */
export const chainPrefix = "BRDL-";
export const setPrefix = "brdl";
/** Pods' interfaces, as Calico names them. */
export const podInterfaces = "cali+";

/** XT_EXTENSION_MAXNAMELEN less its end: what every version of iptables takes. */
export const chainNameLengthMax = 28;
/** IPSET_MAXNAMELEN less its end, and less the letter of the generation. */
export const setNameLengthMax = 31;
const setBaseLengthMax = setNameLengthMax - 1;

/**
 * Marks of packets on their way through the chains; cleared when an endpoint's chain begins. Both lie in the upper
 * half, away from Kubernetes (0x4000, 0x8000) and from Calico, which counts up from 0x10000.
 */
export const allowedMark = 0x10000000;
export const passedMark = 0x20000000;

export interface DispatchChains {
  readonly forward: string;
  readonly forwardEnd: string;
  readonly input: string;
  readonly output: string;
  readonly postrouting: string;
  readonly fromPods: string;
  readonly toPods: string;
  readonly podsToHost: string;
  readonly allow: string;
  readonly pass: string;
}

export const chains: DispatchChains = {
  forward: `${chainPrefix}FORWARD`,
  forwardEnd: `${chainPrefix}FORWARD-END`,
  input: `${chainPrefix}INPUT`,
  output: `${chainPrefix}OUTPUT`,
  postrouting: `${chainPrefix}POSTROUTING`,
  fromPods: `${chainPrefix}FROM-PODS`,
  toPods: `${chainPrefix}TO-PODS`,
  podsToHost: `${chainPrefix}PODS-TO-HOST`,
  allow: `${chainPrefix}ALLOW`,
  pass: `${chainPrefix}PASS`,
};

/** The chains that tell packets apart and decide nothing by themselves. */
const dispatchChains: ReadonlySet<string> = new Set(Object.values(chains));

/** Whether a chain belongs to one policy, profile or endpoint. */
export function isOwnersChain(name: string): boolean {
  return name.startsWith(chainPrefix) && !dispatchChains.has(name);
}

/** `role` is short: `pi` for a policy's ingress and so on. Names that are too long are cut to a hash. */
export function chainName(role: string, owner: string): string {
  return fit(`${chainPrefix}${role}-`, owner, chainNameLengthMax);
}

export function setBaseName(family: Family, content: string): string {
  return fit(`${setPrefix}${family}`, `_${hash(content)}`, setBaseLengthMax);
}

/** A `_` begins a hash: it stands in no name of Kubernetes, so no plain name is mistaken for a hashed one. */
function fit(prefix: string, text: string, lengthMax: number): string {
  const full = prefix + text;
  return full.length <= lengthMax ? full : `${prefix}_${hash(text)}`.slice(0, lengthMax);
}

/** 256 bits; what is left of it after cutting, 100 bits and more, still makes collisions no concern. */
export function hash(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}
