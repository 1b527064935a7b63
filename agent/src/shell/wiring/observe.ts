/** Reads both ends of a container's pair as they are now, for CHECK. */
import type { LinkCheck } from "@brindle/cni";
import { isKernelError } from "@brindle/net";
import { insideNamespace, type OpenNamespace, type RouteSocket, readSysctl } from "@brindle/net/shell";
import { checkedSysctls, type Observed, type ObservedEnd } from "../../wiring/check.ts";
import type { Sysctl } from "../../wiring/plan.ts";

export interface Side {
  readonly namespace: Pick<OpenNamespace, "fd">;
  readonly kernel: RouteSocket;
}

export async function observe(check: LinkCheck, sides: { readonly host: Side; readonly pod: Side }): Promise<Observed> {
  const { attachment } = check;
  const sysctls = checkedSysctls(check);
  const [host, pod] = await Promise.all([
    observeEnd(attachment.hostInterface, sides.host, sysctls.host),
    observeEnd(attachment.interfaceName, sides.pod, sysctls.pod),
  ]);
  return { host, pod };
}

async function observeEnd(
  name: string,
  { namespace, kernel }: Side,
  settings: readonly Sysctl[],
): Promise<ObservedEnd | null> {
  const link = await kernel.link(name);
  if (!link) return null;
  const interfaceIndex = link.index;
  const [addresses, routes, neighbours, v4Rules, v6Rules] = await Promise.all([
    kernel.addresses({ interfaceIndex }),
    kernel.routes({ interfaceIndex }),
    kernel.neighbours(),
    kernel.sourceRules(4),
    kernel.sourceRules(6),
  ]);
  return {
    link,
    addresses,
    routes,
    neighbours: neighbours.filter((neighbour) => neighbour.interfaceIndex === interfaceIndex),
    rules: [...v4Rules, ...v6Rules],
    sysctls: readSettings(namespace, settings),
  };
}

function readSettings(namespace: Pick<OpenNamespace, "fd">, settings: readonly Sysctl[]): Map<string, string | null> {
  return insideNamespace(namespace.fd, () => new Map(settings.map(({ path }) => [path, readOrNull(path)])));
}

function readOrNull(path: Sysctl["path"]): string | null {
  try {
    return readSysctl(path);
  } catch (error) {
    if (isKernelError(error, "NOT_FOUND")) return null;
    throw error;
  }
}
