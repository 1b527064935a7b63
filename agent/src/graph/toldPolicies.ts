/** What policy has been told and still holds, for somebody who begins to listen later. Pods' endpoints are in ClusterState. */
import type { WorkloadEndpoint } from "@brindle/api";
import type { PolicyUpdate } from "@brindle/policy";

export class ToldPolicies {
  readonly #updates = new Map<string, PolicyUpdate>();

  receive(update: PolicyUpdate): void {
    const { key, value, unreadable } = update;
    const id = `${key.kind} ${key.namespace ?? ""}/${key.name}`;
    const isElsewhere = key.kind === "WorkloadEndpoint" && value !== null;
    if ((value !== null || unreadable) && !isElsewhere) this.#updates.set(id, update);
    else if (this.#updates.size > 0) this.#updates.delete(id);
  }

  /** Of what changes meanwhile, each as it is when its turn comes. */
  *all(endpoints: Iterable<WorkloadEndpoint>): Iterable<PolicyUpdate> {
    yield* this.#updates.values();
    for (const value of endpoints) {
      const { namespace, name } = value.metadata;
      yield { key: { kind: "WorkloadEndpoint", name, ...(namespace !== undefined && { namespace }) }, value };
    }
  }
}
