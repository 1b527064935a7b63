import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { pool } from "../testing.ts";
import { type Prepared, prepare } from "./prepare.ts";

function prepared(...texts: string[]): Prepared {
  return prepare(
    texts.map((text, i) => ({ name: `file${i + 1}`, text })),
    { namespace: "shop" },
  );
}

function names({ resources, problems }: Prepared): string[] {
  assert.deepEqual(problems, []);
  return resources.map(({ resource: { kind, metadata } }) => `${kind} ${metadata.namespace ?? "-"}/${metadata.name}`);
}

const policy = "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: web}\nspec: {}\n";
const clusterPolicy = (peer: string): string => `apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Baseline
  priority: 5
  subject: {namespaces: {}}
  egress:
    - name: web
      to: [{${peer}}]
      action: Accept
`;
const kubernetes = policy.replace("projectcalico.org/v3", "networking.k8s.io/v1").replace("{}", "{podSelector: {}}");

describe("prepare", () => {
  const good: { name: string; texts: string[]; resources: string[] }[] = [
    { name: "nothing in an empty file", texts: ["", "---\n# nothing\n---\n"], resources: [] },
    {
      name: "several documents of several files",
      texts: [`${pool("a", "10.1.0.0/16")}---\n${pool("b", "10.2.0.0/16")}`, pool("c", "10.3.0.0/16")],
      resources: ["IPPool -/a", "IPPool -/b", "IPPool -/c"],
    },
    {
      name: "JSON",
      texts: [
        '{"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"a"},\n\t"spec":{"cidr":"10.1.0.0/16"}}',
      ],
      resources: ["IPPool -/a"],
    },
    {
      name: "the namespace of the command where none is named",
      texts: [policy],
      resources: ["NetworkPolicy shop/web"],
    },
    {
      name: "the namespace that a document names before that of the command",
      texts: [policy.replace("name: web", "name: web, namespace: other")],
      resources: ["NetworkPolicy other/web"],
    },
    {
      name: "the items of a list, as get prints it",
      texts: [`apiVersion: v1\nkind: NetworkPolicyList\nitems:\n- ${policy.trim().replaceAll("\n", "\n  ")}\n`],
      resources: ["NetworkPolicy shop/web"],
    },
    {
      name: "anchors and merge keys",
      texts: [pool("a", "x").replace("spec: {cidr: x}", "spec: {<<: &base {cidr: 10.1.0.0/16}}")],
      resources: ["IPPool -/a"],
    },
    {
      name: "a Kubernetes policy as the Calico one",
      texts: [kubernetes],
      resources: ["NetworkPolicy shop/knp.default.web"],
    },
    {
      name: "a ClusterNetworkPolicy as the one of its tier",
      texts: [clusterPolicy("nodes: {}")],
      resources: ["GlobalNetworkPolicy -/kcnp.kube-baseline.guard"],
    },
  ];
  it.each(good)("takes $name", ({ texts, resources }) => {
    assert.deepEqual(names(prepared(...texts)), resources);
  });

  it("tells what a converted policy was", () => {
    assert.equal(prepared(kubernetes).resources[0]?.convertedFrom, "Kubernetes NetworkPolicy shop/web");
    assert.equal(prepared(clusterPolicy("nodes: {}")).resources[0]?.convertedFrom, "ClusterNetworkPolicy guard");
  });

  const bad: { name: string; texts: string[]; problems: string[] }[] = [
    {
      name: "peers that are not enforced, by line and rule",
      texts: [clusterPolicy("domainNames: [example.org]")],
      problems: [
        'file1, document 1, line 10: spec.egress[0].to[0].domainNames: is not enforced: packets tell addresses, and no names of domains; write networks (rule "web")',
      ],
    },
    {
      name: "what is no YAML, by line and column",
      texts: [`${pool("a", "10.1.0.0/16")}---\nkind: IPPool\nspec: "open\n`],
      problems: ['file1, document 2, line 8, column 1: Missing closing "quote'],
    },
    {
      name: "a key that stands there twice",
      texts: [`${pool("a", "10.1.0.0/16")}kind: Node\n`],
      problems: ["file1, document 1, line 5, column 1: Map keys must be unique"],
    },
    {
      name: "a wrong value, by its path",
      texts: [pool("a", "10.1.0.1/16")],
      problems: [
        'file1, document 1, line 4: spec.cidr: "10.1.0.1/16" has host bits set; write the network\'s first address',
      ],
    },
    {
      name: "an unknown kind",
      texts: ["kind: IPPol\n"],
      problems: [
        'file1, document 1, line 1: kind: "IPPol" is no kind that this version of Brindle knows; did you mean IPPool?',
      ],
    },
    {
      name: "what is no resource",
      texts: ["- 1\n"],
      problems: ["file1, document 1, line 1: the document is no resource"],
    },
    {
      name: "each problem of all documents",
      texts: [`${pool("a", "x")}---\n${policy}---\n${pool("b", "10.2.0.0/16")}`, pool("c", "10.3.0.0/99")],
      problems: [
        'file1, document 1, line 4: spec.cidr: "x" is no network, like 10.0.0.0/8',
        'file2, document 1, line 4: spec.cidr: "10.3.0.0/99" is no network, like 10.0.0.0/8',
      ],
    },
    {
      name: "an item of a list by its number",
      texts: ["kind: List\nitems:\n- {kind: IPPool}\n- 7\n"],
      problems: ["file1, document 1, item 2, line 4: the document is no resource"],
    },
    {
      name: "a field of a Kubernetes policy, by its value",
      texts: [kubernetes.replace("podSelector: {}", "podSelector: {}, ingress: [{ports: [{port: 99999}]}]")],
      problems: ['file1, document 1, line 4: spec.ingress[0].ports[0].port: "99999" must be from 1 to 65535'],
    },
    {
      name: "one resource in two documents",
      texts: [policy, policy],
      problems: ["file2, document 1: NetworkPolicy shop/web is there already, in file1, document 1"],
    },
  ];
  it.each(bad)("refuses $name", ({ texts, problems }) => {
    const found = prepared(...texts).problems;
    for (const problem of problems)
      assert.ok(
        found.some((text) => text.startsWith(problem)),
        found.join("\n"),
      );
    if (!texts.some((text) => text.includes("kind: List"))) assert.equal(found.length, problems.length);
  });
});
