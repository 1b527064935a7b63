import { apiVersion } from "@brindle/api";
import { describe, expect, it } from "vitest";
import type { Cluster } from "./cluster.ts";
import { evaluate } from "./evaluate.ts";
import { endpointSample, namespaceProfileSample, packetSample, policySample } from "./sampleCluster.ts";
import { type StagedPolicy, withStaged } from "./staged.ts";

const open: Cluster = {
  endpoints: [
    endpointSample("web", { labels: { app: "web" }, addresses: ["10.0.0.2"] }),
    endpointSample("client", { labels: { app: "client" }, addresses: ["10.0.0.3"] }),
  ],
  profiles: [namespaceProfileSample("default")],
  policies: [],
};
const closed: Cluster = { ...open, policies: [policySample("web", { selector: "app == 'web'" })] };
const metadata = { name: "web", namespace: "default" };
const deny = { selector: "app == 'web'" };

const cases: { name: string; cluster: Cluster; staged: StagedPolicy; before: string; after: string }[] = [
  {
    name: "one that would be new",
    cluster: open,
    staged: { apiVersion, kind: "StagedNetworkPolicy", metadata, spec: { stagedAction: "Set", ...deny } },
    before: "allow",
    after: "deny",
  },
  {
    name: "one that says nothing of what is meant, which is to be set",
    cluster: open,
    staged: { apiVersion, kind: "StagedNetworkPolicy", metadata, spec: deny },
    before: "allow",
    after: "deny",
  },
  {
    name: "another form of one that is there",
    cluster: closed,
    staged: {
      apiVersion,
      kind: "StagedNetworkPolicy",
      metadata,
      spec: { ...deny, ingress: [{ action: "Allow" }] },
    },
    before: "deny",
    after: "allow",
  },
  {
    name: "the end of one that is there",
    cluster: closed,
    staged: { apiVersion, kind: "StagedNetworkPolicy", metadata, spec: { stagedAction: "Delete" } },
    before: "deny",
    after: "allow",
  },
  {
    name: "nothing, of one that is ignored",
    cluster: open,
    staged: { apiVersion, kind: "StagedNetworkPolicy", metadata, spec: { stagedAction: "Ignore", ...deny } },
    before: "allow",
    after: "allow",
  },
  {
    name: "one for all namespaces",
    cluster: open,
    staged: { apiVersion, kind: "StagedGlobalNetworkPolicy", metadata: { name: "web" }, spec: deny },
    before: "allow",
    after: "deny",
  },
  {
    name: "one of Kubernetes",
    cluster: open,
    staged: {
      apiVersion,
      kind: "StagedKubernetesNetworkPolicy",
      metadata,
      spec: { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"] },
    },
    before: "allow",
    after: "deny",
  },
  {
    name: "the end of one of Kubernetes",
    cluster: { ...open, policies: [policySample("knp.default.web", deny)] },
    staged: { apiVersion, kind: "StagedKubernetesNetworkPolicy", metadata, spec: { stagedAction: "Delete" } },
    before: "deny",
    after: "allow",
  },
];

describe("a staged policy tells what would be with", () => {
  const packet = packetSample("10.0.0.3", "10.0.0.2");
  for (const { name, cluster, staged, before, after } of cases) {
    it(name, () => {
      const withStage = { ...cluster, staged: [staged] };
      expect([evaluate(withStage, packet).verdict, evaluate(withStaged(withStage), packet).verdict]).toEqual([
        before,
        after,
      ]);
    });
  }
});
