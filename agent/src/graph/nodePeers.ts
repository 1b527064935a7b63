/**
 * Policies whose rules are about nodes, as the nodes are now: such a policy is told anew when nodes come, go, or get other
 * labels or addresses. Until all is known that was there at the start nothing acts on them, and a node that comes is one of
 * thousands: they are told anew once then.
 */
import { isDeepStrictEqual } from "node:util";
import type { Node } from "@brindle/api";
import {
  asksForNodes,
  type NodeFacts,
  nodeFacts,
  type Policy,
  type PolicyUpdate,
  readableNodeFacts,
  withNodes,
} from "@brindle/policy";

export class NodePeers {
  readonly #nodes = new Map<string, NodeFacts>();
  /** By name: those that ask for nodes, as they are stored, and what was told of them last. */
  readonly #policies = new Map<string, { readonly update: PolicyUpdate; readonly told: PolicyUpdate }>();

  /** `unreadable`: something is stored of which no more than this is known. */
  onNode(name: string, node: Node | null, unreadable?: { readonly partial?: unknown }): void {
    const readable = unreadable ? readableNodeFacts(unreadable.partial, this.#nodes.get(name) ?? null) : null;
    const facts = node ? nodeFacts(node) : readable;
    if (facts) this.#nodes.set(name, facts);
    else this.#nodes.delete(name);
  }

  /** What is to be told in its place; most are as they are stored. */
  receive(update: PolicyUpdate): PolicyUpdate {
    const { key, value } = update;
    if (key.kind !== "GlobalNetworkPolicy") return update;
    if (value?.kind !== key.kind || !asksForNodes(value)) {
      this.#policies.delete(key.name);
      return update;
    }
    return this.#tell(key.name, update, value);
  }

  /** What is to be told anew, as nodes may have changed. */
  changes(): readonly PolicyUpdate[] {
    return [...this.#policies].flatMap(([name, { update, told }]) => {
      const { value } = update;
      if (value?.kind !== "GlobalNetworkPolicy") return [];
      const next = this.#tell(name, update, value);
      return isDeepStrictEqual(next.value, told.value) ? [] : [next];
    });
  }

  #tell(name: string, update: PolicyUpdate, value: Extract<Policy, { kind: "GlobalNetworkPolicy" }>): PolicyUpdate {
    const told = { ...update, value: withNodes(value, [...this.#nodes.values()]) };
    this.#policies.set(name, { update, told });
    return told;
  }
}
