/** Which families a container has a default route in already, by another interface, and what an earlier life of this one left. */
import {
  type Address,
  type Family,
  formatPrefix,
  type KernelChange,
  type Link,
  type Route,
  routeTable,
  type SourceRule,
} from "@brindle/net";
import type { RouteSocket } from "@brindle/net/shell";
import { familiesOf, podChanges, staleRules } from "../../wiring/plan.ts";

export interface PodPlan {
  readonly changes: readonly KernelChange[];
  /** The families whose default route is another interface's. */
  readonly aside: ReadonlySet<Family>;
}

/** Kubernetes' runtimes and podman call the first interface so; nothing has to be looked up for it. */
const firstInterface = "eth0";

/** `openInside` opens a socket in the container's namespace, which is closed again. */
export async function planPod(
  openInside: () => Promise<RouteSocket>,
  pod: Pick<Link, "index" | "name">,
  addresses: readonly Address[],
): Promise<PodPlan> {
  const none: ReadonlySet<Family> = new Set();
  if (pod.name === firstInterface) return { changes: podChanges(pod, addresses), aside: none };
  using inside = await openInside();
  const families = [...familiesOf(addresses)];
  const routes = await inside.routes({ table: routeTable.main });
  const aside = new Set(families.filter((family) => routes.some((route) => isOthersDefault(route, family, pod))));
  const rules = (await Promise.all(families.map((family) => inside.sourceRules(family)))).flat();
  const wanted = podChanges(pod, addresses, aside);
  const present = new Set(rules.map(textOf));
  const missing = wanted.filter((change) => change.op !== "addRule" || !present.has(textOf(change.rule)));
  return { changes: [...staleRules(pod.name, rules, addresses), ...missing], aside };
}

function isOthersDefault({ destination, kind, nextHops }: Route, family: Family, pod: Pick<Link, "index">): boolean {
  const isDefault = destination.length === 0 && destination.address.family === family && kind === "unicast";
  return isDefault && !nextHops.some(({ interfaceIndex }) => interfaceIndex === pod.index);
}

function textOf({ priority, source, table }: SourceRule): string {
  return `${priority} ${formatPrefix(source)} ${table}`;
}
