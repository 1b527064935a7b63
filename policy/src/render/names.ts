/** The names of what is ours in the kernel, by which a later agent that remembers nothing knows it. */
import { hash as digest } from "node:crypto";
import type { PolicyDirection } from "@brindle/api";
import { chainNameBytesMax, type Family, setNameBytesMax } from "@brindle/net";

/** Not `cali`: Felix rewrites and removes whatever begins so, and the two may meet on one node. */
export const chainPrefix = "BRDL-";
export const setPrefix = "brdl";
/** Pods' interfaces, as Calico names them. */
export const podInterfaces = "cali+";

/**
 * Marks of packets on their way through the chains; cleared when an endpoint's chain begins. Both lie in the upper
 * half, away from Kubernetes (0x4000, 0x8000) and from Calico, which counts up from 0x10000.
 */
export const allowedMark = 0x10000000;
export const passedMark = 0x20000000;

/** Of a packet that a policy of a host endpoint has allowed before the filter table. */
export const hostAllowedMark = 0x08000000;

/** Of a flow in conntrack: it was open when policy came to deny it (`killEstablishedOnDeny`). */
export const endedFlowMark = 0x40000000;

/** Of NFLOG, to which the kernel hands denied packets: the number that marks our routes, too. Calico's are 1 and 2. */
export const deniedLogGroup = 214;

export interface DispatchChains {
  readonly forward: string;
  readonly forwardEnd: string;
  readonly input: string;
  readonly output: string;
  readonly postrouting: string;
  readonly floating: string;
  readonly fromPods: string;
  readonly toPods: string;
  readonly podsToHost: string;
  readonly allow: string;
  readonly pass: string;
  readonly denied: string;
  readonly limits: string;
  readonly codepoints: string;
  readonly rawIn: string;
  readonly rawOut: string;
  readonly prerouting: string;
  readonly fromHosts: string;
  readonly toHosts: string;
  readonly forwardIn: string;
  readonly forwardOut: string;
}

export const chains: DispatchChains = {
  forward: `${chainPrefix}FORWARD`,
  forwardEnd: `${chainPrefix}FORWARD-END`,
  input: `${chainPrefix}INPUT`,
  output: `${chainPrefix}OUTPUT`,
  postrouting: `${chainPrefix}POSTROUTING`,
  floating: `${chainPrefix}FLOATING`,
  fromPods: `${chainPrefix}FROM-PODS`,
  toPods: `${chainPrefix}TO-PODS`,
  podsToHost: `${chainPrefix}PODS-TO-HOST`,
  allow: `${chainPrefix}ALLOW`,
  pass: `${chainPrefix}PASS`,
  denied: `${chainPrefix}DENIED`,
  limits: `${chainPrefix}LIMITS`,
  codepoints: `${chainPrefix}CODEPOINTS`,
  rawIn: `${chainPrefix}RAW-IN`,
  rawOut: `${chainPrefix}RAW-OUT`,
  prerouting: `${chainPrefix}PREROUTING`,
  fromHosts: `${chainPrefix}FROM-HOSTS`,
  toHosts: `${chainPrefix}TO-HOSTS`,
  forwardIn: `${chainPrefix}FORWARD-IN`,
  forwardOut: `${chainPrefix}FORWARD-OUT`,
};

/** The chains that tell packets apart and decide nothing by themselves. */
const dispatchChains: ReadonlySet<string> = new Set(Object.values(chains));

/** Whether a chain belongs to policies, profiles or endpoints. */
export function isOwnersChain(name: string): boolean {
  return name.startsWith(chainPrefix) && !dispatchChains.has(name) && !isGroupDispatch(name);
}

/**
 * Chains that lead packets as before when they change, but for what sets of ends say (`plan/endChanges.ts`), and those of
 * limits and codepoints, which are no policy. The first pod with limits, and the last, change the chains that lead to these.
 */
const leadingChains: ReadonlySet<string> = new Set([chains.fromPods, chains.toPods, chains.limits, chains.codepoints]);

/** Whether packets that meet a chain may come to other decisions once it changes: of a policy, or of a host endpoint that comes. */
export function isDecisive(name: string): boolean {
  return name.startsWith(chainPrefix) && !leadingChains.has(name) && !isGroupDispatch(name);
}

/** Where the dispatch looks on for the ends of a group of chains. */
export function groupDispatchName(direction: PolicyDirection, group: string): string {
  return `${direction === "Egress" ? chains.fromPods : chains.toPods}-${group}`;
}

function isGroupDispatch(name: string): boolean {
  return name.startsWith(`${chains.fromPods}-`) || name.startsWith(`${chains.toPods}-`);
}

/**
 * `role` is short: `pi` for a policy's ingress and so on. What is too long, or is no plain name, becomes a hash; the `_`
 * before it stands in no name of Kubernetes, so no plain name is mistaken for a hashed one.
 */
export function chainName(role: string, owner: string): string {
  const plain = `${chainPrefix}${role}-${owner}`;
  if (plain.length <= chainNameBytesMax && /^[A-Za-z0-9./-]+$/.test(owner)) return plain;
  return `${chainPrefix}${role}-_${hash(owner)}`.slice(0, chainNameBytesMax);
}

/** Leaves room for the letter of the generation. */
export function setBaseName(family: Family, content: string): string {
  return `${setPrefix}${family}_${hash(content)}`.slice(0, setNameBytesMax - 1);
}

/**
 * Of the ends that come to a chain. What stands before the `_` says which of these sets exclude each other: those of one
 * family and direction that lead to what decides, and those that lead to groups.
 */
export function dispatchSetName(family: Family, direction: PolicyDirection, chain: string): string {
  const letter = direction === "Egress" ? "f" : "t";
  const kind = isGroupDispatch(chain) ? letter.toUpperCase() : letter;
  return `${setPrefix}${family}${kind}_${hash(chain)}`.slice(0, setNameBytesMax - 1);
}

/** Of all ends that come to any chain of this direction. */
export function allEndsSetName(family: Family, direction: PolicyDirection): string {
  return `${setPrefix}${family}${direction === "Egress" ? "s" : "d"}_ends`;
}

/** Of a set in the kernel: no end is in two of one plane. `null` for what is no set of the dispatch. */
export function dispatchPlane(setName: string): string | null {
  return isOfDispatch(setName, "ftFTsd") ? setName.slice(0, kindAt + 1) : null;
}

/** Where it stands in a name which kind of set of the dispatch it is: behind the prefix and the family. */
const kindAt = setPrefix.length + 1;

/** Asked of every set whenever a pod comes or goes, which most are not. */
function isOfDispatch(setName: string, kinds: string): boolean {
  if (setName[kindAt + 1] !== "_" || !kinds.includes(setName[kindAt] ?? "_")) return false;
  const family = setName[kindAt - 1];
  return setName.startsWith(setPrefix) && (family === "4" || family === "6");
}

/** Which end of a packet is looked for in a set of the dispatch. */
export function dispatchSide(setName: string): "source" | "destination" {
  return isOfDispatch(setName, "fFs") ? "source" : "destination";
}

/** Of a set of the dispatch: whether to a chain that decides, and not to a group of these. */
export function leadsToDecision(setName: string): boolean {
  return isOfDispatch(setName, "ft");
}

/** What is left of the 256 bits after cutting, 100 and more, still makes collisions no concern. */
export function hash(text: string): string {
  return digest("sha256", text, "base64url");
}
