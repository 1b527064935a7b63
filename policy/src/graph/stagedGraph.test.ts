import { apiVersion, type Key, type Rule } from "@brindle/api";
import { describe, expect, it } from "vitest";
import type { Policy } from "../cluster.ts";
import { ChainVerdicts } from "../observe/chainVerdicts.ts";
import { type StagedVerdict, stagedVerdict } from "../observe/stagedVerdict.ts";
import { quietSettings } from "../render/settings.ts";
import { endpointSample, namespaceProfileSample, packetSample, policySample } from "../sampleCluster.ts";
import type { StagedPolicy } from "../staged.ts";
import { PolicyGraph, type PolicyUpdate } from "./policyGraph.ts";
import { StagedGraph } from "./stagedGraph.ts";

const web = endpointSample("web", { labels: { app: "web" }, addresses: ["10.0.0.2"] });
const client = endpointSample("client", { labels: { app: "client" }, addresses: ["10.0.1.1"], node: "node2" });
const packet = packetSample("10.0.1.1", "10.0.0.2");
const ofWeb = { selector: "app == 'web'" };
const fromClient: Rule = { action: "Allow", source: { selector: "app == 'client'" } };
const notFromClient: Rule = { ...fromClient, action: "Deny" };
const metadata = { name: "web", namespace: "default" };

const isolated = policySample("web", ofWeb);
const opened = policySample("web", { ...ofWeb, ingress: [fromClient] });
const staged = (name: string, spec: object): StagedPolicy =>
  ({ apiVersion, kind: "StagedNetworkPolicy", metadata: { name, namespace: "default" }, spec }) as StagedPolicy;
const stagedOfKubernetes: StagedPolicy = {
  apiVersion,
  kind: "StagedKubernetesNetworkPolicy",
  metadata,
  spec: { podSelector: { matchLabels: { app: "web" } }, policyTypes: ["Ingress"] },
};

type Step = (graph: StagedGraph, inForce: PolicyGraph) => void;

const told =
  (update: PolicyUpdate): Step =>
  (graph, inForce) => {
    graph.receive(update);
    inForce.receive(update);
  };
const resource = (value: NonNullable<PolicyUpdate["value"]>): Step => {
  const { name, namespace } = value.metadata;
  return told({ key: { kind: value.kind, name, ...(namespace !== undefined && { namespace }) }, value });
};
const policyGone = ({ kind, metadata: { name, namespace = "" } }: Policy): Step =>
  told({ key: { kind, name, namespace }, value: null });
const keyOf = ({ kind, metadata: { name, namespace = "" } }: StagedPolicy): Key<StagedPolicy["kind"]> => ({
  kind,
  name,
  namespace,
});
const stage =
  (value: StagedPolicy): Step =>
  (graph) =>
    graph.receiveStage(keyOf(value), value);
const stageGone =
  (value: StagedPolicy): Step =>
  (graph) =>
    graph.receiveStage(keyOf(value), null);

const surroundings = [web, client, namespaceProfileSample("default")].map(resource);

function said(steps: readonly Step[]): string | null {
  const graph = new StagedGraph("node1");
  const inForce = new PolicyGraph({ node: "node1" });
  for (const step of steps) step(graph, inForce);
  const now = new ChainVerdicts(inForce.desired()).of({ packet });
  const then = graph.verdicts(quietSettings).of({ packet });
  const effect: StagedVerdict | null =
    now &&
    then &&
    stagedVerdict({
      now,
      then,
      stageOf: (policy) => graph.stageOf(policy),
      policiesFor: (id, direction) => [...graph.policiesFor(id, direction), ...inForce.policiesFor(id, direction)],
    });
  return effect && `${effect.verdict} ${effect.direction}: ${effect.by}`;
}

const cases: { name: string; steps: readonly Step[]; says: string | null }[] = [
  { name: "nothing where nothing is staged", steps: [resource(isolated)], says: null },
  {
    name: "the rule that would deny",
    steps: [resource(opened), stage(staged("tighter", { ...ofWeb, order: 1, ingress: [notFromClient] }))],
    says: "deny Ingress: StagedNetworkPolicy default/tighter, ingress rule 0",
  },
  {
    name: "which one isolates, where none of its rules decides",
    steps: [stage(staged("web", ofWeb))],
    says: "deny Ingress: StagedNetworkPolicy default/web: no policy allows it",
  },
  {
    name: "the rule that would allow, in the place of the policy that denies",
    steps: [resource(isolated), stage(staged("web", { ...ofWeb, ingress: [fromClient] }))],
    says: "allow Ingress: StagedNetworkPolicy default/web, ingress rule 0",
  },
  {
    name: "that a policy's end would let its profile decide",
    steps: [resource(isolated), stage(staged("web", { stagedAction: "Delete" }))],
    says: "allow Ingress: StagedNetworkPolicy default/web (Delete): Profile kns.default ingress 0",
  },
  {
    name: "which one of Kubernetes isolates",
    steps: [stage(stagedOfKubernetes)],
    says: "deny Ingress: StagedKubernetesNetworkPolicy default/web: no policy allows it",
  },
  {
    name: "that another rule would deny what is denied already",
    steps: [resource(isolated), stage(staged("first", { ...ofWeb, order: 1, ingress: [notFromClient] }))],
    says: "deny Ingress: StagedNetworkPolicy default/first, ingress rule 0",
  },
  {
    name: "nothing of one that changes nothing for the packet",
    steps: [resource(isolated), stage(staged("other", { selector: "app == 'client'" }))],
    says: null,
  },
  {
    name: "nothing of one that is to be ignored",
    steps: [stage(staged("web", { ...ofWeb, stagedAction: "Ignore" }))],
    says: null,
  },
];

describe("what is staged says of a packet", () => {
  it.each(cases)("$name", ({ steps, says }) => {
    expect(said([...surroundings, ...steps])).toBe(says);
    expect(said([...steps, ...surroundings].reverse())).toBe(says);
    expect(said([...surroundings, ...steps, ...steps])).toBe(says);
  });

  const tighter = staged("web", { ...ofWeb, ingress: [notFromClient] });
  it("nothing any more once it is gone, whatever became of the policy meanwhile", () => {
    const steps = [...surroundings, resource(opened), stage(tighter)];
    expect(said([...steps, stageGone(tighter)])).toBeNull();
    expect(said([...steps, policyGone(opened), resource(isolated), stageGone(tighter)])).toBeNull();
    expect(said([...steps, policyGone(opened)])).toBe("deny Ingress: StagedNetworkPolicy default/web, ingress rule 0");
    expect(said([...steps, stage(staged("web", { stagedAction: "Ignore" }))])).toBeNull();
  });
});
