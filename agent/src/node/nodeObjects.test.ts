import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { conditionRequest, eventRequest, repeatedEventRequest } from "./nodeObjects.ts";
import type { NetworkCondition } from "./nodeReport.ts";

const up: NetworkCondition = { status: "False", reason: "BrindleIsUp", message: "it is" };
const nowMs = Date.UTC(2030, 0, 2, 3, 4, 5);
const written = (condition: object | null) => ({
  metadata: { name: "node1" },
  status: { conditions: [{ type: "Ready", status: "True" }, ...(condition ? [condition] : [])] },
});
const since = "2029-01-01T00:00:00Z";

function conditionIn(body: string | undefined): unknown {
  return JSON.parse(body ?? "{}").status?.conditions;
}

describe("the condition of a node", () => {
  it("is written where it is missing, by its type alone", () => {
    const request = conditionRequest(written(null), up, nowMs);
    assert.equal(request?.path, "/api/v1/nodes/node1/status");
    assert.equal(request?.contentType, "application/strategic-merge-patch+json");
    const time = "2030-01-02T03:04:05Z";
    const expected = { type: "NetworkUnavailable", ...up, lastHeartbeatTime: time, lastTransitionTime: time };
    assert.deepEqual(conditionIn(request?.body), [expected]);
  });

  it("is not written where it says the same, whenever that was", () => {
    const same = { type: "NetworkUnavailable", ...up, lastHeartbeatTime: since, lastTransitionTime: since };
    assert.equal(conditionRequest(written(same), up, nowMs), null);
  });

  it("keeps its time while the status is the same, as with another network's before", () => {
    const calico = {
      type: "NetworkUnavailable",
      status: "False",
      reason: "CalicoIsUp",
      message: "",
      lastTransitionTime: since,
    };
    const [condition] = conditionIn(conditionRequest(written(calico), up, nowMs)?.body) as {
      lastTransitionTime: string;
    }[];
    assert.equal(condition?.lastTransitionTime, since);
  });
});

describe("an Event", () => {
  const event = { type: "Warning", reason: "PodCidrMissing", message: "no IPPool" } as const;

  it("of a node is in the namespace default, and of a pod in that of the pod", () => {
    const node = eventRequest(event, {
      node: "node1",
      regarded: { kind: "Node", name: "node1", uid: "u" },
      name: "node1.a",
      nowMs,
    });
    assert.equal(node.path, "/api/v1/namespaces/default/events");
    assert.deepEqual(JSON.parse(node.body).involvedObject, { apiVersion: "v1", kind: "Node", name: "node1", uid: "u" });
    const regarded = { kind: "Pod", name: "agent-1", namespace: "brindle-system", uid: "p" } as const;
    const pod = eventRequest(event, { node: "node1", regarded, name: "agent-1.a", nowMs });
    assert.equal(pod.path, "/api/v1/namespaces/brindle-system/events");
    assert.equal(JSON.parse(pod.body).involvedObject.namespace, "brindle-system");
  });

  it("that is there is counted up once the count is known", () => {
    const facts = { regarded: { kind: "Node", name: "node1", uid: "u" }, name: "node1.a", nowMs } as const;
    assert.deepEqual(JSON.parse(repeatedEventRequest(facts, undefined).body), {
      lastTimestamp: "2030-01-02T03:04:05Z",
    });
    assert.equal(JSON.parse(repeatedEventRequest(facts, 2).body).count, 3);
  });
});
