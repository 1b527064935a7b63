/**
 * How the kernel looks at where a pod's packets say they come from (`rp_filter` of the node's end): strictly, unless the pod may
 * send from networks that are not routed to it. That is for IPv4 alone, which has such a look; what a pod may send at all, of
 * both families, the packet filter says.
 */
import { isKernelError } from "@brindle/net";
import { insideNamespace, type OpenNamespace, readSysctl, writeSysctl } from "@brindle/net/shell";

export type ReversePath = "strict" | "loose";

export const strictReversePath = 1;

/**
 * The greater of an interface's value and the one for all counts: where that is strict, only 2 is less so, which wants some
 * route to the source, by whichever interface.
 */
export function looseReversePath(node: OpenNamespace): number {
  return insideNamespace(node.fd, () => readSysctl("net/ipv4/conf/all/rp_filter")) === "1" ? 2 : 0;
}

/** Writes what differs; nothing where the interface is gone. Answers whether it wrote. */
export function setReversePath(node: OpenNamespace, name: string, path: ReversePath): boolean {
  const wanted = path === "strict" ? strictReversePath : looseReversePath(node);
  const before = reversePathsOf(node, [name]).get(name);
  if (before === undefined || before === wanted) return false;
  insideNamespace(node.fd, () => writeSysctl(fileOf(name), wanted));
  return true;
}

/** Of those that are there. */
export function reversePathsOf(node: OpenNamespace, names: readonly string[]): ReadonlyMap<string, number> {
  return insideNamespace(node.fd, () => new Map(names.flatMap((name) => readingOf(name))));
}

function readingOf(name: string): [string, number][] {
  try {
    return [[name, Number(readSysctl(fileOf(name)))]];
  } catch (error) {
    if (isKernelError(error, "NOT_FOUND")) return [];
    throw error;
  }
}

function fileOf(name: string): `net/${string}` {
  return `net/ipv4/conf/${name}/rp_filter`;
}
