/** What the kernel does by itself, later than what it was asked for: a packet before that is lost. */
import { setTimeout as delay } from "node:timers/promises";
import type { Address } from "@brindle/net";
import type { DirectRoutes } from "@brindle/net/shell";

const settledMsMax = 2_000;

/**
 * What is sent before the kernel has noticed the carrier is thrown away, and it may put that off for up to a second
 * (linkwatch). Since Linux 6.8 a request for the link makes it notice at once (rtnl_getlink); an older one is waited for.
 */
export async function untilRunning(kernel: DirectRoutes, interfaceIndex: number): Promise<void> {
  await until(() => kernel.isRunning(interfaceIndex) !== false);
}

/**
 * An IPv6 address is in use once the kernel has come round to it, also without duplicate address detection (addrconf_dad_work, on
 * another thread): until then it has no route of its own, and what comes for it is not taken. On a busy machine that was 30 ms.
 */
export async function untilLocal(inside: DirectRoutes, address: Address): Promise<void> {
  await until(() => inside.lookup(address)?.kind === "local");
}

async function until(isSo: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + settledMsMax;
  while (!isSo() && performance.now() < deadlineMs) await delay(1);
}
