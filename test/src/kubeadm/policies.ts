/** Policies of both makes by `kubectl apply`: packets between pods stop, and go on when the policy is gone. */
import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { waitFor } from "../fixtures/waitFor.ts";
import { fetchFrom } from "./places.ts";
import { apply, networkOf, podOfNode, url } from "./pods.ts";
import type { Stand } from "./services.ts";

interface Cut {
  readonly name: string;
  /** What `kubectl delete` takes. */
  readonly resource: string;
  readonly object: object;
  /** Calico's say by a condition that they are acted on. */
  readonly tells: boolean;
}

const web = "app == 'web'";

const cuts: readonly Cut[] = [
  {
    name: "a NetworkPolicy of Kubernetes",
    resource: "networkpolicies.networking.k8s.io/closed",
    object: {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { name: "closed", namespace: "default" },
      spec: { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"], ingress: [] },
    },
    tells: false,
  },
  {
    name: "a NetworkPolicy of Calico's",
    resource: "networkpolicies.projectcalico.org/no-web",
    object: {
      apiVersion: "projectcalico.org/v3",
      kind: "NetworkPolicy",
      metadata: { name: "no-web", namespace: "default" },
      spec: {
        selector: web,
        types: ["Ingress"],
        ingress: [{ action: "Deny", protocol: "TCP", source: { selector: web } }],
      },
    },
    tells: true,
  },
  {
    name: "a GlobalNetworkPolicy of Calico's",
    resource: "globalnetworkpolicies.projectcalico.org/no-web",
    object: {
      apiVersion: "projectcalico.org/v3",
      kind: "GlobalNetworkPolicy",
      metadata: { name: "no-web" },
      spec: { selector: web, types: ["Egress"], egress: [{ action: "Deny", protocol: "TCP" }] },
    },
    tells: true,
  },
];

export function describePolicies(stand: () => Stand): void {
  describe("pods", () => {
    for (const { name, resource, object, tells } of cuts) {
      it(`are cut off by ${name} in both families, and reached again without it`, async () => {
        const { cluster } = stand();
        await untilReached(stand(), true);
        await apply(cluster, object);
        await untilReached(stand(), false);
        if (tells) await cluster.kubectl(["wait", "--for=condition=Accepted", resource, "--timeout=10s"]);
        await cluster.kubectl(["delete", resource]);
        await untilReached(stand(), true);
      });
    }
  });
}

/** Every pod of the Service from the one of the first node, which is itself one of them: it always reaches itself. */
async function untilReached({ cluster, pods }: Stand, expected: boolean): Promise<void> {
  const from = podOfNode(pods, "node1");
  const place = await networkOf(cluster, from);
  const targets = pods
    .filter((pod) => pod !== from)
    .flatMap(({ name, addresses }) => addresses.map((at) => ({ name, at })));
  assert(targets.length > 0);
  await waitFor(
    async (saw) => {
      const answers = await Promise.all(targets.map(({ at }) => fetchFrom(place, url(at))));
      saw(answers);
      return answers.every((answer, index) => answer === (expected ? targets[index]?.name : undefined));
    },
    { what: `${from.name} ${expected ? "reaches the others" : "reaches nobody"}`, deadlineMs: 20_000 },
  );
}
