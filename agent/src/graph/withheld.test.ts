import type { JsonValue, WorkloadEndpoint } from "@brindle/api";
import { describe, expect, it } from "vitest";
import { endpointInDoubt } from "./withheld.ts";

const key = { namespace: "shop", name: "node1-k8s-web-eth0" };
const ipNATs = [{ internalIP: "10.0.0.1", externalIP: "192.0.2.7" }];
const spec = { orchestrator: "k8s", node: "node1", pod: "web", endpoint: "eth0", ipNetworks: ["10.0.0.1/32"] };
const known: WorkloadEndpoint = {
  apiVersion: "projectcalico.org/v3",
  kind: "WorkloadEndpoint",
  metadata: key,
  spec: { ...spec, ipNATs },
};
const asked = { annotations: { "cni.projectcalico.org/floatingIPs": "192.0.2.7" } };

const cases: { name: string; partial: JsonValue | undefined; floats: typeof ipNATs }[] = [
  { name: "what was known where nothing can be read", partial: undefined, floats: ipNATs },
  { name: "what was known where the spec is none", partial: { spec: 7 }, floats: ipNATs },
  { name: "what was known where the list is none", partial: { spec: { ...spec, ipNATs: 7 } }, floats: ipNATs },
  { name: "what was known where one of the list cannot be read", partial: { spec: { ipNATs: [7] } }, floats: ipNATs },
  { name: "what was known where the Pod's own list is none", partial: { metadata: asked, spec }, floats: ipNATs },
  { name: "nothing where the spec can be read and has no list", partial: { metadata: {}, spec }, floats: [] },
  { name: "nothing where the list is empty", partial: { spec: { ...spec, ipNATs: [] } }, floats: [] },
];

describe("endpointInDoubt", () => {
  for (const { name, partial, floats } of cases)
    it(`has floating to it ${name}`, () => {
      expect(endpointInDoubt(key, partial, known).spec.ipNATs ?? []).toEqual(floats);
    });
});
