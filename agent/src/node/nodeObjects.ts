/** The requests by which a node's condition and its Events are written. */
import { type ApiObject, type ApiRequest, type ApiResource, formatTimestamp } from "@brindle/api";
import type { NetworkCondition, NodeEvent } from "./nodeReport.ts";

export const nodes: ApiResource = { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false };
export const events: ApiResource = { group: "", version: "v1", plural: "events", kind: "Event", namespaced: true };

const conditionType = "NetworkUnavailable";
/** Events of what has no namespace belong here (core/v1 validation). */
export const namespaceOfNodeEvents = "default";

/** `null` where the Node says it already; times alone are no difference. */
export function conditionRequest(node: ApiObject, condition: NetworkCondition, nowMs: number): ApiRequest | null {
  const before = conditionOf(node);
  const { status, reason, message } = condition;
  if (before?.status === status && before.reason === reason && before.message === message) return null;
  const now = formatTimestamp(nowMs);
  const since = before?.status === status ? before.lastTransitionTime : undefined;
  const written = { type: conditionType, ...condition, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
  return {
    method: "PATCH",
    path: `/api/v1/nodes/${encodeURIComponent(node.metadata.name)}/status`,
    // Conditions are merged by their type: those of the kubelet stay.
    contentType: "application/strategic-merge-patch+json",
    body: JSON.stringify({ status: { conditions: [written] } }),
  };
}

function conditionOf(node: ApiObject): Readonly<Record<string, unknown>> | undefined {
  const status = node.status as { readonly conditions?: unknown } | undefined;
  const conditions = Array.isArray(status?.conditions) ? status.conditions : [];
  return conditions.find((each) => each?.type === conditionType);
}

/** What an Event is about: the Node, and the agent's own Pod. */
export interface Regarded {
  readonly kind: "Node" | "Pod";
  readonly name: string;
  readonly namespace?: string;
  /** `kubectl describe` finds Events by it. */
  readonly uid: string;
}

export interface EventFacts {
  readonly node: string;
  readonly regarded: Regarded;
  /** `node1.0123456789abcdef`: the same for the same Event, so that one which stands is counted and not made anew. */
  readonly name: string;
  readonly nowMs: number;
}

export function eventRequest(
  { type, reason, message }: NodeEvent,
  { node, regarded, name, nowMs }: EventFacts,
): ApiRequest {
  const now = formatTimestamp(nowMs);
  const namespace = regarded.namespace ?? namespaceOfNodeEvents;
  const body = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace },
    involvedObject: { apiVersion: "v1", ...regarded },
    type,
    reason,
    message,
    source: { component: "brindle-agent", host: node },
    reportingComponent: "brindle-agent",
    reportingInstance: node,
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
  const path = eventPath(namespace);
  return { method: "POST", path, contentType: "application/json", body: JSON.stringify(body) };
}

/** `count` is what the server is known to have; without it only the time is written. */
export function repeatedEventRequest(
  { regarded, name, nowMs }: Omit<EventFacts, "node">,
  count: number | undefined,
): ApiRequest {
  const body = { lastTimestamp: formatTimestamp(nowMs), ...(count !== undefined && { count: count + 1 }) };
  return {
    method: "PATCH",
    path: `${eventPath(regarded.namespace ?? namespaceOfNodeEvents)}/${encodeURIComponent(name)}`,
    contentType: "application/merge-patch+json",
    body: JSON.stringify(body),
  };
}

function eventPath(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
}
