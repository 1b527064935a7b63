/** How many TCP segments the kernel has dropped for their signatures (RFC 2385): the only trace of a wrong password. */
import { readFileSync } from "node:fs";

/** linux/snmp.h: without one that was due, with one that nobody asked for, with a wrong one. */
const counters: ReadonlySet<string> = new Set(["TCPMD5NotFound", "TCPMD5Unexpected", "TCPMD5Failure"]);

/** Since this object was made. Segments of all connections of the network namespace count. */
export class SignatureCounter {
  readonly #atStart = readDropped();

  dropped(): number {
    return readDropped() - this.#atStart;
  }
}

function readDropped(): number {
  try {
    return droppedIn(readFileSync("/proc/thread-self/net/netstat", "utf8"));
  } catch {
    return 0; // Only a hint is lost.
  }
}

/** The file has lines in pairs: names, then values, both behind the group's name. */
export function droppedIn(netstat: string): number {
  const lines = netstat.split("\n").filter((line) => line.startsWith("TcpExt:"));
  const [names = [], values = []] = lines.map((line) => line.split(" "));
  return names.reduce((sum, name, i) => sum + (counters.has(name) ? Number(values[i] ?? 0) : 0), 0);
}
