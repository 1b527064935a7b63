/** Kernel settings that are files: those of a pair's ends, and those that make the node a router. */
import { isKernelError } from "@brindle/net";
import {
  ensureSysctl,
  insideNamespace,
  isOwnNamespace,
  type OpenNamespace,
  readSysctl,
  SysctlDirectory,
} from "@brindle/net/shell";
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
  insideNamespace(node.fd, () => forEach(routerSettings, ensureSysctl));
}

function presentValue(path: Sysctl["path"]): string | null {
  try {
    return readSysctl(path);
  } catch (error) {
    if (isKernelError(error, "NOT_FOUND")) return null;
    throw error;
  }
}

/** Settings of the interfaces of a namespace. */
export class InterfaceSettings implements Disposable {
  readonly #namespace: OpenNamespace;
  #isOwn: boolean | null = null;
  /** By the directory's path. */
  readonly #opened = new Map<string, SysctlDirectory>();

  constructor(namespace: OpenNamespace) {
    this.#namespace = namespace;
  }

  /** All of them, without a look at what is there: to read one costs as much as to write it. */
  write(settings: readonly Sysctl[]): void {
    if (settings.length === 0) return;
    const work = (): void => forEach(settings, (path, value) => this.#directoryOf(path).write(path, value));
    this.#isOwn ??= isOwnNamespace(this.#namespace.fd);
    if (this.#isOwn) work();
    else insideNamespace(this.#namespace.fd, work);
  }

  [Symbol.dispose](): void {
    for (const directory of this.#opened.values()) directory[Symbol.dispose]();
    this.#opened.clear();
  }

  #directoryOf(path: Sysctl["path"]): SysctlDirectory {
    const [, family, table] = path.split("/");
    const parent: Sysctl["path"] = `net/${family}/${table}`;
    const present = this.#opened.get(parent);
    if (present) return present;
    const opened = new SysctlDirectory(parent);
    this.#opened.set(parent, opened);
    return opened;
  }
}

/** A kernel without IPv6 lacks its settings; when a pod is to have an IPv6 address, adding that says so. */
function forEach(settings: readonly Sysctl[], work: (path: Sysctl["path"], value: number) => void): void {
  for (const { path, value } of settings) {
    try {
      work(path, value);
    } catch (error) {
      if (!path.startsWith("net/ipv6/") || !isKernelError(error, "NOT_FOUND")) throw error;
    }
  }
}
