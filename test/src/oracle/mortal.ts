/** An agent's way to the kernel that ends after so many changes: what it does then never happens, as when it is killed. */
import type { KernelError } from "@brindle/net";
import type { EnforcerPorts, Sets } from "@brindle/policy/shell";

export interface Mortal {
  readonly ports: EnforcerPorts;
  /** The first thing that was not done any more. */
  readonly died: Promise<void>;
}

export function mortal(ports: EnforcerPorts, operations: number): Mortal {
  const { promise: died, resolve: die } = Promise.withResolvers<void>();
  let left = operations;
  const never = new Promise<never>(() => {});
  const living = <T>(work: () => Promise<T>): Promise<T> => {
    left -= 1;
    if (left >= 0) return work();
    die();
    return never;
  };
  const { sets } = ports;
  const mortalSets: Sets = {
    list: () => sets.list(),
    // One by one: it may end within what goes to the kernel together, too.
    apply: async (changes) => {
      const refusals: (KernelError | null)[] = [];
      for (const change of changes) refusals.push(...(await living(() => sets.apply([change]))));
      return refusals;
    },
  };
  const tables = ports.tables.map((port) => ({
    family: port.family,
    backend: port.backend,
    save: port.save.bind(port),
    commit: (...commit: Parameters<typeof port.commit>) => living(() => port.commit(...commit)),
  }));
  return { ports: { ...ports, tables, sets: mortalSets }, died };
}
