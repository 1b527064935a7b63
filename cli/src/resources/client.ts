import { ResourceClient, type Store } from "@brindle/api";
import type { Ports } from "../ports.ts";

/** The resources in a store, which need not be the one of the ports. */
export function clientOn(store: Store, ports: Ports): ResourceClient {
  return new ResourceClient({ store, nowMs: () => ports.nowMs(), newUid: () => ports.newUid() });
}
