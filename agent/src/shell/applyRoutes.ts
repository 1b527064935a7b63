import { describeChange, isKernelError, type KernelChange } from "@brindle/net";
import type { RouteSocket } from "@brindle/net/shell";

/** Makes changes of routes, and says in words which the kernel did not make. */
export async function applyRoutes(
  kernel: Pick<RouteSocket, "apply">,
  changes: readonly KernelChange[],
): Promise<string[]> {
  const outcomes = await kernel.apply(changes);
  return outcomes.flatMap((outcome, i) => {
    const change = changes[i];
    return change && outcome.kind === "failed" ? (problemOf(change, outcome.error) ?? []) : [];
  });
}

/** `null` for a route that is to go and has gone already. */
function problemOf(change: KernelChange, error: Error): string | null {
  if (change.op === "deleteRoute" && isKernelError(error, "NOT_FOUND")) return null;
  const what = describeChange(change);
  if (isKernelError(error, "EXISTS"))
    return `${what}: another program has a route to this destination; it is left alone`;
  return `${what}: ${error.message}`;
}

/** One line for the health of a part; `null` when there are none. */
export function summaryOf([first, ...others]: readonly string[]): string | null {
  if (first === undefined) return null;
  return others.length === 0 ? first : `${first} (and ${others.length} more)`;
}
