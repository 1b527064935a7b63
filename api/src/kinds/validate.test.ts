import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { encodeValue } from "../store/codec.ts";
import { checkPoolOverlap, type IPPool } from "./ipPool.ts";
import { kinds, type ResourceKind, resourceKinds, unsupportedFields } from "./kinds.ts";
import { formatProblem } from "./problem.ts";
import { findUnsupported } from "./unsupported.ts";
import { type AnyKindOfResource, checkUpdate, decodeResource, validate } from "./validate.ts";

type Fields = Readonly<Record<string, unknown>>;

function document(kind: string, spec: Fields, metadata: Fields = { name: "x" }): Fields {
  return { apiVersion: "projectcalico.org/v3", kind, metadata, spec };
}

function problemsOf(value: unknown): string[] {
  const judged = validate(value);
  return judged.kind === "invalid" ? judged.problems.map(formatProblem) : [];
}

function warningsOf(value: unknown): string[] {
  const judged = validate(value);
  return judged.kind === "valid" ? judged.warnings.map(formatProblem) : [];
}

function valid(value: unknown): AnyKindOfResource {
  const judged = validate(value);
  assert.ok(judged.kind === "valid", judged.kind === "invalid" ? judged.problems.map(formatProblem).join("\n") : "");
  return judged.resource;
}

const inProd = { name: "x", namespace: "prod" };
const rule = (fields: Fields) => ({ ingress: [{ action: "Allow", ...fields }] });

const refused: { name: string; value: unknown; problems: string[] }[] = [
  { name: "what is no resource", value: "text", problems: ["the document is no resource"] },
  { name: "a document without a kind", value: {}, problems: ["kind: is missing"] },
  {
    name: "a kind that is misspelt",
    value: document("IpPol", {}),
    problems: ['kind: "IpPol" is no kind that this version of Brindle knows; did you mean IPPool?'],
  },
  {
    name: "another version",
    value: { ...document("IPPool", { cidr: "10.0.0.0/16" }), apiVersion: "v1" },
    problems: ['apiVersion: "v1" is not projectcalico.org/v3'],
  },
  {
    name: "a resource without a name, and a field without a value",
    value: { kind: "IPPool", apiVersion: "projectcalico.org/v3", spec: { cidr: null } },
    problems: ["metadata: is missing", "spec.cidr: is missing"],
  },
  {
    name: "a name that Kubernetes would not take",
    value: document("NetworkPolicy", {}, { name: "Bad_Name", namespace: "prod" }),
    problems: [
      'metadata.name: "Bad_Name" is no name: lower case letters, digits, "-" and ".", at most 253, beginning and ending with a letter or digit',
    ],
  },
  {
    name: "a policy of no namespace, and a pool of one",
    value: document("NetworkPolicy", {}),
    problems: ["metadata.namespace: is missing"],
  },
  {
    name: "a namespace where there is none",
    value: document("Profile", {}, inProd),
    problems: ['metadata.namespace: "prod" must not be given: a Profile belongs to no namespace'],
  },
  {
    name: "a label that is none",
    value: document("Profile", {}, { name: "x", labels: { "a b": "c", d: "e f" } }),
    problems: [
      'metadata.labels["a b"]: "c" is no name of a label',
      'metadata.labels.d: "e f" is no value of a label: at most 63 letters, digits, "-", "_" and "."',
    ],
  },
  {
    name: "a field that is misspelt",
    value: document("GlobalNetworkPolicy", { selectr: "all()" }),
    problems: ['spec.selectr: "all()" is no known field; did you mean selector?'],
  },
  {
    name: "a field of a rule that is misspelt",
    value: document("GlobalNetworkPolicy", rule({ destination: { port: [80] } })),
    problems: ["spec.ingress[0].destination.port: is no known field; did you mean ports?"],
  },
  {
    name: "a pool with host bits",
    value: document("IPPool", { cidr: "10.0.0.1/16" }),
    problems: ['spec.cidr: "10.0.0.1/16" has host bits set; write the network\'s first address'],
  },
  {
    name: "a pool smaller than a block",
    value: document("IPPool", { cidr: "10.90.0.0/28" }),
    problems: ['spec.cidr: "10.90.0.0/28" is smaller than one block of length 26'],
  },
  {
    name: "a block size of the other family",
    value: document("IPPool", { cidr: "fd00::/48", blockSize: 26 }),
    problems: ['spec.blockSize: "26" is no block size from 116 to 128, which IPv6 allows'],
  },
  {
    name: "both encapsulations",
    value: document("IPPool", { cidr: "10.0.0.0/16", ipipMode: "Always", vxlanMode: "Always" }),
    problems: ['spec.vxlanMode: "Always" cannot be on together with ipipMode'],
  },
  {
    name: "a pool for LoadBalancer and something else",
    value: document("IPPool", { cidr: "10.0.0.0/16", allowedUses: ["LoadBalancer", "Workload"] }),
    problems: ["spec.allowedUses: LoadBalancer cannot be combined with another use"],
  },
  {
    name: "all problems at once, across fields that are wrong and fields that contradict",
    value: document("IPPool", {
      cidr: "10.90.0.0/28",
      nodeSelector: "a == ",
      natOutgoing: "yes",
      allowedUses: ["Pod"],
    }),
    problems: [
      'spec.natOutgoing: "yes" is not true or false',
      'spec.nodeSelector: "a == " is no selector: expected a string in quotes, found the end at character 6',
      'spec.allowedUses[0]: "Pod" is none of Workload, Tunnel, LoadBalancer',
      'spec.cidr: "10.90.0.0/28" is smaller than one block of length 26',
    ],
  },
  {
    name: "a peer that is no address",
    value: document("BGPPeer", { peerIP: "300.1.1.1", asNumber: 1 }),
    problems: ['spec.peerIP: "300.1.1.1" is no address, address:port or [IPv6 address]:port'],
  },
  {
    name: "a peer of one node and of several",
    value: document("BGPPeer", { node: "a", nodeSelector: "all()", peerIP: "192.0.2.9", asNumber: 1 }),
    problems: ['spec.nodeSelector: "all()" cannot be given together with node'],
  },
  {
    name: "a peer by address and by selector, with an AS",
    value: document("BGPPeer", { peerIP: "192.0.2.9", peerSelector: "all()", asNumber: 1 }),
    problems: [
      'spec.peerSelector: "all()" cannot be given together with peerIP',
      'spec.asNumber: "1" cannot be given together with peerSelector: each node\'s own AS counts',
    ],
  },
  {
    name: "a peer of nobody",
    value: document("BGPPeer", { asNumber: 64512 }),
    problems: ["spec.peerIP: is missing: give peerIP, or peerSelector for peers that are nodes"],
  },
  {
    name: "an AS number that is none",
    value: document("BGPPeer", { peerIP: "192.0.2.9", asNumber: "70000.1" }),
    problems: ['spec.asNumber: "70000.1" is no AS number from 1 to 4294967295'],
  },
  {
    name: "a configuration for nobody",
    value: document("BGPConfiguration", {}, { name: "mine" }),
    problems: ['metadata.name: "mine" must be default, or node.<name> for one node'],
  },
  {
    name: "a node whose BGP is empty",
    value: document("Node", { bgp: {} }),
    problems: ["spec.bgp: is empty; leave it out, or give ipv4Address or ipv6Address"],
  },
  {
    name: "a node's address of the other family",
    value: document("Node", { bgp: { ipv4Address: "2001:db8::1/64", ipv6Address: "fe80::1/64" } }),
    problems: [
      'spec.bgp.ipv4Address: "2001:db8::1/64" is no IPv4 address',
      'spec.bgp.ipv6Address: "fe80::1/64" is link-local, which other nodes do not reach',
    ],
  },
  {
    name: "an action that is none",
    value: document("GlobalNetworkPolicy", { ingress: [{ action: "Alow" }] }),
    problems: ['spec.ingress[0].action: "Alow" is none of Allow, Deny, Log, Pass; did you mean Allow?'],
  },
  {
    name: "numbers of ports without a protocol",
    value: document("GlobalNetworkPolicy", rule({ destination: { ports: [80, "http"] } })),
    problems: ["spec.ingress[0].destination.ports: need protocol TCP, UDP or SCTP beside them"],
  },
  {
    name: "ports that are none",
    value: document("GlobalNetworkPolicy", rule({ protocol: "TCP", source: { ports: [0, "2:1", "a b", 65536] } })),
    problems: [
      'spec.ingress[0].source.ports[0]: "0" is no port from 1 to 65535',
      'spec.ingress[0].source.ports[1]: "2:1" is no range of ports from 1 to 65535, lower first',
      'spec.ingress[0].source.ports[2]: "a b" is no port, range first:last or port name',
      'spec.ingress[0].source.ports[3]: "65536" is no port from 1 to 65535',
    ],
  },
  {
    name: "networks of both families in one rule",
    value: document("GlobalNetworkPolicy", rule({ source: { nets: ["10.0.0.0/8", "fd00::/8"] } })),
    problems: ['spec.ingress[0].source.nets[1]: "fd00::/8" is of IPv6 in a rule that is of IPv4'],
  },
  {
    name: "an address where a network belongs",
    value: document("GlobalNetworkPolicy", rule({ source: { nets: ["10.0.0.1"] } })),
    problems: ['spec.ingress[0].source.nets[0]: "10.0.0.1" has no length; write /32 or /128 for one address'],
  },
  {
    name: "ICMP types without ICMP, and a code without a type",
    value: document("GlobalNetworkPolicy", rule({ icmp: { code: 0 }, notICMP: { type: 8 } })),
    problems: [
      'spec.ingress[0].icmp.code: "0" needs a type beside it',
      "spec.ingress[0].icmp: needs protocol ICMP or ICMPv6 beside it",
      "spec.ingress[0].notICMP: needs protocol ICMP or ICMPv6 beside it",
    ],
  },
  {
    name: "ICMP of the wrong family",
    value: document("GlobalNetworkPolicy", rule({ protocol: "ICMPv6", ipVersion: 4 })),
    problems: ['spec.ingress[0].ipVersion: "4" contradicts protocol ICMPv6, which is of IPv6'],
  },
  {
    name: "global() outside of a rule's namespaceSelector",
    value: document("GlobalNetworkPolicy", {
      selector: "global()",
      ...rule({ source: { namespaceSelector: "global()" } }),
    }),
    problems: ['spec.selector: "global()" global() is allowed only in the namespaceSelector of a rule'],
  },
  {
    name: "HTTP, which would allow more than was meant if it were left out",
    value: document(
      "NetworkPolicy",
      { ingress: [{ action: "Allow", protocol: "TCP", http: { methods: ["GET"] } }] },
      inProd,
    ),
    problems: ["spec.ingress[0].http: is not supported by this version of Brindle"],
  },
  {
    name: "Services beside what else says who it is, without a name, and at the wrong end",
    value: document("GlobalNetworkPolicy", {
      ingress: [
        { action: "Allow", source: { services: { name: "dns", namespace: "kube-system" }, nets: ["10.0.0.0/8"] } },
        { action: "Allow", source: { services: { namespace: "kube-system" } } },
        { action: "Allow", destination: { services: { name: "dns", namespace: "kube-system" } } },
      ],
      egress: [
        {
          action: "Allow",
          protocol: "UDP",
          destination: { services: { name: "dns", namespace: "kube-system" }, ports: [53] },
        },
      ],
    }),
    problems: [
      "spec.ingress[0].source.nets: cannot be given together with services",
      "spec.ingress[1].source.services.name: is missing",
      "spec.ingress[2].destination.services: have no meaning in ingress rules, but for source",
      "spec.egress[0].destination.services: bring their ports: ports and notPorts cannot be given beside them",
    ],
  },
  {
    name: "a Service without a namespace in a policy that has none",
    value: document("GlobalNetworkPolicy", {
      egress: [{ action: "Allow", destination: { services: { name: "dns" } } }],
    }),
    problems: ["spec.egress[0].destination.services.namespace: is missing: the policy has no namespace"],
  },
  {
    name: "global() beside another selector of namespaces",
    value: document("GlobalNetworkPolicy", rule({ source: { namespaceSelector: "global() || has(a)" } })),
    problems: [
      'spec.ingress[0].source.namespaceSelector: "global() || has(a)" global() cannot be combined with another selector',
    ],
  },
  {
    name: "a direction named twice",
    value: document("GlobalNetworkPolicy", { types: ["Ingress", "Ingress"] }),
    problems: ["spec.types: has an entry twice"],
  },
  {
    name: "a selector longer than Calico takes",
    value: document("GlobalNetworkPolicy", { selector: `a == '${"b".repeat(1024)}'` }),
    problems: [`spec.selector: "a == '${"b".repeat(1024)}'" has 1031 characters, at most 1024 are allowed`],
  },
  {
    name: "a pool around link-local addresses",
    value: document("IPPool", { cidr: "169.0.0.0/8" }),
    problems: ['spec.cidr: "169.0.0.0/8" overlaps with link-local addresses'],
  },
  {
    name: "a pool for LoadBalancer with encapsulation, or of some nodes",
    value: document("IPPool", {
      cidr: "10.0.0.0/16",
      allowedUses: ["LoadBalancer"],
      vxlanMode: "Always",
      nodeSelector: "a == 'b'",
      disableBGPExport: true,
    }),
    problems: [
      'spec.disableBGPExport: "true" a LoadBalancer pool must be announced',
      'spec.vxlanMode: "Always" a LoadBalancer pool has no encapsulation',
      `spec.nodeSelector: "a == 'b'" a LoadBalancer pool is for all() nodes`,
    ],
  },
  {
    name: "communities that are none, and names of none",
    value: document(
      "BGPConfiguration",
      {
        communities: [{ name: "a", value: "64512:70000" }],
        prefixAdvertisements: [{ cidr: "10.0.0.0/8", communities: ["a", "b", "64512:1"] }],
      },
      { name: "default" },
    ),
    problems: [
      'spec.communities[0].value: "64512:70000" is no community: aa:nn of two numbers up to 65535, or aa:nn:mm of three up to 4294967295',
    ],
  },
  {
    name: "a misspelt name of a community",
    value: document(
      "BGPConfiguration",
      {
        communities: [{ name: "a", value: "64512:7" }],
        prefixAdvertisements: [{ cidr: "10.0.0.0/8", communities: ["a", "b", "64512:1"] }],
      },
      { name: "default" },
    ),
    problems: [
      'spec.prefixAdvertisements[0].communities[1]: "b" is no name in communities, and no community like 64512:100',
    ],
  },
  {
    name: "an endpoint whose name is not made of its parts",
    value: document("WorkloadEndpoint", { orchestrator: "k8s", node: "n-1", pod: "web-0", endpoint: "eth0" }, inProd),
    problems: [
      'metadata.name: "x" must be n--1-k8s-web--0-eth0: node, orchestrator, pod and endpoint, each with "-" doubled',
    ],
  },
  {
    name: "an endpoint whose interface is a pattern for all of them",
    value: document(
      "WorkloadEndpoint",
      { orchestrator: "k8s", node: "n", pod: "web", endpoint: "eth0", interfaceName: "cali+" },
      { name: "n-k8s-web-eth0", namespace: "prod" },
    ),
    problems: ['spec.interfaceName: "cali+" is no interface: at most 15 letters, digits, "_", ".", "@" and "-"'],
  },
];

describe("validate refuses", () => {
  for (const { name, value, problems } of refused) {
    it(name, () => assert.deepEqual(problemsOf(value), problems));
  }

  it("the profile that is built in, and a second ClusterInformation", () => {
    assert.match(problemsOf(document("Profile", {}, { name: "projectcalico-default-allow" })).join(), /is built in/);
    assert.match(problemsOf(document("ClusterInformation", {}, { name: "mine" })).join(), /must be default/);
  });
});

const notActedOn = "is stored, and this version of Brindle does not act on it";

const advised: { name: string; value: unknown; warnings: string[] }[] = [
  {
    name: "rules of a direction that the policy is not about",
    value: document("GlobalNetworkPolicy", { types: ["Egress"], ...rule({ protocol: "TCP" }) }),
    warnings: ["spec.ingress: is never asked: types has no Ingress"],
  },
  {
    name: "a rule behind one that matches everything",
    value: document("NetworkPolicy", { ingress: [{ action: "Deny", source: {} }, { action: "Allow" }] }, inProd),
    warnings: ["spec.ingress[1]: is never asked: the rule before it matches every packet"],
  },
  {
    name: "nothing of a last rule that matches everything",
    value: document("NetworkPolicy", { ingress: [{ action: "Allow", protocol: "TCP" }, { action: "Deny" }] }, inProd),
    warnings: [],
  },
  {
    name: "a node that nobody can reach",
    value: document("Node", { bgp: { asNumber: 64512 } }),
    warnings: ["spec.bgp: has neither ipv4Address nor ipv6Address: no other node can peer with this one"],
  },
];

const warned: { name: string; value: unknown; warnings: string[] }[] = [
  {
    name: "nothing where all is acted on",
    value: document("IPPool", { cidr: "10.0.0.0/16", vxlanMode: "Never" }),
    warnings: [],
  },
  {
    name: "a pool that gives no addresses",
    value: document("IPPool", { cidr: "10.0.0.0/16", vxlanMode: "CrossSubnet" }),
    warnings: [
      `spec.vxlanMode: "CrossSubnet" ${notActedOn}: the pool gives no addresses until it is removed; leave it out or write Never`,
    ],
  },
  {
    name: "what of a peer is not acted on, and of nothing else",
    value: document("BGPPeer", {
      localWorkloadSelector: "all()",
      asNumber: 1,
      password: { secretKeyRef: { name: "a", key: "b" } },
      keepaliveTime: "10s",
    }),
    warnings: [`spec.localWorkloadSelector: "all()" ${notActedOn}: no node peers by this resource until it is removed`],
  },
  {
    name: "a profile that closes, and the field for which it does",
    value: document("Profile", {
      ingress: [{ action: "Log" }, { action: "Allow" }],
      egress: [{ action: "Allow", destination: { services: { name: "dns", namespace: "kube-system" } } }],
    }),
    warnings: [`spec.egress[0].destination.services: ${notActedOn}: the profile allows nothing until it is removed`],
  },
];

describe("validate warns of", () => {
  for (const { name, value, warnings } of [...warned, ...advised]) {
    it(name, () => assert.deepEqual(warningsOf(value), warnings));
  }
});

describe("the table of fields that are not acted on", () => {
  const valueAt = (steps: readonly string[], value: unknown): unknown =>
    steps.reduceRight(
      (inner, step) => (step.endsWith("[]") ? { [step.slice(0, -2)]: [inner] } : { [step]: inner }),
      value,
    );

  it("says of each field what follows, by that field's path", () => {
    assert.ok(unsupportedFields().length > 50);
    for (const { kind, path, only, effect, reason } of unsupportedFields()) {
      const found = findUnsupported(kinds[kind], valueAt(path.split("."), only?.[0] ?? { anything: true }));
      const said = [...found.problems, ...found.warnings];
      assert.deepEqual(
        said.map((one) => [one.path, one.reason]),
        [[path.replaceAll("[]", "[0]"), reason]],
        `${kind} ${path}`,
      );
      assert.equal(found.problems.length, effect === "refused" ? 1 : 0, `${kind} ${path}`);
    }
  });

  it("refuses what must not be stored, and nothing else", () => {
    const refusedFields = unsupportedFields().filter(({ effect }) => effect === "refused");
    assert.deepEqual([...new Set(refusedFields.map(({ path }) => path.split(".").at(-1)))], ["http"]);
  });
});

const stored: { name: string; value: Fields; text: string }[] = [
  {
    name: "a pool with its block size, modes, selector, uses and assignment, and without flags that are false",
    value: document("IPPool", { natOutgoing: true, disabled: false, cidr: "10.10.0.0/16" }, { name: "pool-a" }),
    text: '{"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"pool-a"},"spec":{"cidr":"10.10.0.0/16","vxlanMode":"Never","ipipMode":"Never","natOutgoing":true,"blockSize":26,"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic"}}',
  },
  {
    name: "a policy with its tier, types, label and annotation, and Go's escapes",
    value: document(
      "NetworkPolicy",
      {
        ingress: [{ protocol: "TCP", action: "Allow", destination: { ports: ["5432"] } }],
        selector: "a == 'b' && c == 'd'",
      },
      { namespace: "prod", name: "allow-db", labels: { zone: "a" } },
    ),
    text: '{"kind":"NetworkPolicy","apiVersion":"projectcalico.org/v3","metadata":{"name":"allow-db","namespace":"prod","labels":{"projectcalico.org/tier":"default","zone":"a"},"annotations":{"projectcalico.org/metadata":"{\\"name\\":\\"allow-db\\"}"}},"spec":{"tier":"default","ingress":[{"action":"Allow","protocol":"TCP","destination":{"ports":[5432]}}],"selector":"a == \'b\' \\u0026\\u0026 c == \'d\'","types":["Ingress"]}}',
  },
  {
    name: "a BGPConfiguration with its log level and aggregation",
    value: document("BGPConfiguration", { listenPort: 1180, asNumber: "1.10" }, { name: "node.node1" }),
    text: '{"kind":"BGPConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"node.node1"},"spec":{"logSeverityScreen":"Info","asNumber":65546,"serviceLoadBalancerAggregation":"Enabled","listenPort":1180}}',
  },
  {
    name: "a node with its empty status",
    value: document(
      "Node",
      { bgp: { ipv4Address: "192.0.2.11/24" } },
      { name: "node1", labels: { zone: "a", rack: "r1" } },
    ),
    text: '{"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"node1","labels":{"rack":"r1","zone":"a"}},"spec":{"bgp":{"ipv4Address":"192.0.2.11/24"}},"status":{}}',
  },
  {
    name: "an endpoint whose ports have what Go cannot leave out",
    value: document(
      "WorkloadEndpoint",
      {
        orchestrator: "k8s",
        node: "node1",
        pod: "web-0",
        endpoint: "eth0",
        ports: [{ name: "http", protocol: "TCP", port: 8080 }],
      },
      { name: "node1-k8s-web--0-eth0", namespace: "prod" },
    ),
    text: '{"kind":"WorkloadEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"node1-k8s-web--0-eth0","namespace":"prod"},"spec":{"orchestrator":"k8s","node":"node1","pod":"web-0","endpoint":"eth0","ports":[{"name":"http","protocol":"TCP","port":8080,"hostPort":0,"hostIP":""}]}}',
  },
];

describe("validate gives what Calico would store", () => {
  for (const { name, value, text } of stored) {
    it(name, () => {
      const resource = valid(value);
      const key = { kind: resource.kind, name: resource.metadata.name };
      assert.equal(encodeValue<ResourceKind>(key, resource), text);
    });
  }

  const types: { name: string; spec: Fields; expected: string[] }[] = [
    { name: "no rules", spec: {}, expected: ["Ingress"] },
    { name: "egress rules only", spec: { egress: [{ action: "Allow" }] }, expected: ["Egress"] },
    {
      name: "rules of both",
      spec: { egress: [{ action: "Allow" }], ingress: [{ action: "Deny" }] },
      expected: ["Ingress", "Egress"],
    },
    { name: "rules and its own types", spec: { types: ["Egress"], ...rule({}) }, expected: ["Egress"] },
  ];
  for (const { name, spec, expected } of types) {
    it(`the types of a policy with ${name}`, () => {
      const resource = valid(document("GlobalNetworkPolicy", spec));
      assert.ok(resource.kind === "GlobalNetworkPolicy");
      assert.deepEqual(resource.spec.types, expected);
    });
  }

  it("also of what kubectl printed, with the fields of its server", () => {
    const printed = {
      ...document("IPPool", { cidr: "10.0.0.0/16" }, { name: "a", generation: 2 }),
      status: { conditions: [] },
    };
    assert.equal(valid(printed).kind, "IPPool");
  });

  it("twice the same", () => {
    for (const { value } of stored) assert.deepEqual(valid(valid(value)), valid(value));
  });
});

describe("pools", () => {
  const pool = (name: string, spec: Fields): IPPool => {
    const resource = valid(document("IPPool", spec, { name }));
    assert.ok(resource.kind === "IPPool");
    return resource;
  };

  it("cannot change their prefix nor the size of their blocks", () => {
    const before = pool("a", { cidr: "10.0.0.0/16" });
    const after = pool("a", { cidr: "10.1.0.0/16", blockSize: 27 });
    assert.deepEqual(
      checkUpdate("IPPool", before, after).map(({ path }) => path),
      ["spec.cidr", "spec.blockSize"],
    );
    assert.deepEqual(checkUpdate("IPPool", before, pool("a", { cidr: "10.0.0.0/16", disabled: true })), []);
  });

  it("overlap with pools around and inside them, not with themselves nor the other family", () => {
    const others = [
      pool("around", { cidr: "10.0.0.0/8" }),
      pool("inside", { cidr: "10.1.2.0/24" }),
      pool("beside", { cidr: "10.2.0.0/16" }),
      pool("self", { cidr: "10.1.0.0/16" }),
      pool("v6", { cidr: "fd00::/48" }),
    ];
    const problems = checkPoolOverlap(pool("self", { cidr: "10.1.0.0/16" }), others);
    assert.deepEqual(problems.map(formatProblem), [
      'spec.cidr: "10.1.0.0/16" overlaps with 10.0.0.0/8 of IPPool around',
      'spec.cidr: "10.1.0.0/16" overlaps with 10.1.2.0/24 of IPPool inside',
    ]);
  });
});

describe("decodeResource", () => {
  it("takes what a newer Calico stored, unsupported and unknown fields included", () => {
    const value = document("IPPool", {
      cidr: "10.0.0.0/16",
      vxlanMode: "Always",
      novelty: [null, 1],
      nodeSelector: null,
    });
    const decoded = decodeResource("IPPool", value);
    assert.ok(decoded.kind === "valid");
    assert.deepEqual(decoded.resource.spec, { cidr: "10.0.0.0/16", vxlanMode: "Always", novelty: [null, 1] });
  });

  it("refuses what would lie about its type", () => {
    const decoded = decodeResource("IPPool", document("IPPool", { cidr: 7 }));
    assert.ok(decoded.kind === "invalid");
    assert.deepEqual(decoded.problems.map(formatProblem), ['spec.cidr: "7" is not text']);
  });
});

describe("every kind", () => {
  it("has one plural, one set of aliases and columns with headers of their own", () => {
    const words = Object.values(kinds).flatMap(({ kind, plural, aliases }) => [kind.toLowerCase(), plural, ...aliases]);
    assert.equal(new Set(words).size, words.length);
    for (const kind of resourceKinds) {
      for (const columns of [kinds[kind].columns, kinds[kind].wideColumns]) {
        assert.equal(new Set(columns.map(({ header }) => header)).size, columns.length);
      }
    }
  });
});
