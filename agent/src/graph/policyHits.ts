/** Hits of rules as `brindlectl policy hits` and Prometheus get them. */
import type { PolicyHit } from "@brindle/api";
import type { HitRow, RuleName } from "@brindle/policy";

export function policyHit(row: HitRow, textOf: (name: RuleName) => string): PolicyHit {
  const direction = row.direction === "Ingress" ? "ingress" : "egress";
  if (row.kind === "default") {
    const [namespace = "", ...name] = row.endpoint.split("/");
    const { reason: text, hits } = row;
    return { kind: "Endpoint", namespace, name: name.join("/"), direction, rule: null, action: "deny", text, hits };
  }
  const { owner, rule, action, hits } = row;
  const { kind, namespace, name } = owner;
  const text = textOf(row);
  return { kind, ...(namespace !== null && { namespace }), name, direction, rule, action, text, hits };
}
