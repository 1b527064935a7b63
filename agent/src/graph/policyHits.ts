/** Hits of rules as `brindlectl policy hits` and Prometheus get them. */
import type { PolicyHit } from "@brindle/api";
import { type HitRow, hostEndpointOf, type RuleName } from "@brindle/policy";

export function policyHit(row: HitRow, textOf: (name: RuleName) => string): PolicyHit {
  const direction = row.direction === "Ingress" ? "ingress" : "egress";
  if (row.kind === "default") {
    const { reason: text, hits } = row;
    const [first = "", ...others] = row.endpoints;
    const host = hostEndpointOf(first);
    if (host !== null)
      return { kind: "HostEndpoint", name: host, direction, rule: null, action: "deny", text, counts: "flows", hits };
    const [namespace = "", ...name] = first.split("/");
    const endpoint = { kind: "Endpoint", namespace, name: name.join("/"), ...(others.length > 0 && { others }) };
    return { ...endpoint, direction, rule: null, action: "deny", text, counts: "flows", hits };
  }
  const { owner, rule, action, counts, hits } = row;
  const { kind, namespace, name } = owner;
  const text = textOf(row);
  return { kind, ...(namespace !== null && { namespace }), name, direction, rule, action, text, counts, hits };
}
