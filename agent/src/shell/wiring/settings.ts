/** Kernel settings that are files: those of a pair's ends, and those that make the node a router. */
import { isKernelError } from "@brindle/net";
import { ensureSysctl, insideNamespace, type OpenNamespace, readSysctl, writeSysctl } from "@brindle/net/shell";
import type { Sysctl } from "../../wiring/plan.ts";
import { recordSysctl } from "../sysctlRecord.ts";

const routerSettings: readonly Sysctl[] = [
  { path: "net/ipv4/ip_forward", value: 1 },
  { path: "net/ipv6/conf/all/forwarding", value: 1 },
];

/** `record`: the file that keeps what was before. */
export function makeRouter(node: OpenNamespace, record: string | undefined): void {
  if (record !== undefined) {
    insideNamespace(node.fd, () => {
      for (const { path, value } of routerSettings) {
        const before = presentValue(path);
        if (before !== null && before !== String(value)) recordSysctl(record, path, { before, ours: String(value) });
      }
    });
  }
  inEach(node, routerSettings, ensureSysctl);
}

function presentValue(path: Sysctl["path"]): string | null {
  try {
    return readSysctl(path);
  } catch (error) {
    if (isKernelError(error, "NOT_FOUND")) return null;
    throw error;
  }
}

/** All of them, without a look at what is there: to read one costs as much as to write it. */
export function writeSysctls(namespace: OpenNamespace, settings: readonly Sysctl[]): void {
  inEach(namespace, settings, writeSysctl);
}

/** A kernel without IPv6 lacks its settings; when a pod is to have an IPv6 address, adding that says so. */
function inEach(
  namespace: OpenNamespace,
  settings: readonly Sysctl[],
  work: (path: Sysctl["path"], value: number) => void,
): void {
  if (settings.length === 0) return;
  insideNamespace(namespace.fd, () => {
    for (const { path, value } of settings) {
      try {
        work(path, value);
      } catch (error) {
        if (!path.startsWith("net/ipv6/") || !isKernelError(error, "NOT_FOUND")) throw error;
      }
    }
  });
}
