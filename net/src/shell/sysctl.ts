/**
 * Kernel settings below /proc/sys/net. Synchronous, since /proc/sys/net shows the namespace of the thread that opens
 * the file: inside `insideNamespace` these reach that namespace's settings.
 */
import { closeSync, constants, openSync, readFileSync, writeFileSync } from "node:fs";
import { KernelError, refusal } from "../kernelError.ts";

/** A container that is not privileged has /proc/sys read-only, and is given the node's beside it. */
const root = process.env.BRINDLE_SYSCTL_ROOT || "/proc/sys";

/** A path below /proc/sys with slashes, since interface names may contain dots: "net/ipv4/conf/eth0.5/forwarding". */
export type SysctlPath = `net/${string}`;

export function readSysctl(path: SysctlPath): string {
  return wrapped(`read sysctl ${path}`, () => readFileSync(fileOf(path), "utf8").trim());
}

export function writeSysctl(path: SysctlPath, value: string | number): void {
  wrapped(`write sysctl ${path} = ${value}`, () => writeFileSync(fileOf(path), String(value)));
}

/** Writes only what differs, and tells whether it did. */
export function ensureSysctl(path: SysctlPath, value: string | number): boolean {
  if (readSysctl(path) === String(value)) return false;
  writeSysctl(path, value);
  return true;
}

/**
 * A directory of settings that stays open, for what is written often. The way to it leads over names that every namespace
 * has ("ipv6"), and the kernel looks for those of one name in one chain (`proc_sys_compare`): beside 500 pods a walk takes
 * half a millisecond.
 */
export class SysctlDirectory implements Disposable {
  readonly #path: SysctlPath;
  readonly #fd: number;

  /** Of the namespace that the thread is in. */
  constructor(path: SysctlPath) {
    this.#path = path;
    const { O_RDONLY, O_DIRECTORY } = constants;
    this.#fd = wrapped(`open sysctl ${path}`, () => openSync(fileOf(path), O_RDONLY | O_DIRECTORY));
  }

  /** The same, while the thread is in the namespace in which it was opened; `path` is one below the directory's. */
  write(path: SysctlPath, value: string | number): void {
    const rest = fileOf(path).slice(fileOf(this.#path).length);
    wrapped(`write sysctl ${path} = ${value}`, () => writeFileSync(`/proc/self/fd/${this.#fd}${rest}`, String(value)));
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function fileOf(path: SysctlPath): string {
  if (path.split("/").some((part) => part === "" || part === "." || part === "..")) {
    throw new RangeError(`${path} is no path of a kernel setting`);
  }
  return `${root}/${path}`;
}

function wrapped<T>(object: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).errno;
    if (errno === undefined) throw error;
    throw new KernelError(refusal(Math.abs(errno), object), { cause: error });
  }
}
