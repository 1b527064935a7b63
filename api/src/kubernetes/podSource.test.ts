import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { parseJson } from "../json/json.ts";
import type { WorkloadEndpoint } from "../kinds/workloadEndpoint.ts";
import type { Members } from "./apiObject.ts";
import { podSource } from "./podSource.ts";
import { givenByServer, patched, requestOf } from "./sampleServer.ts";
import type { ApiObject } from "./source.ts";

const key = { kind: "WorkloadEndpoint", namespace: "prod", name: "node1-k8s-web--0-eth0" } as const;
const annotations = {
  "cni.projectcalico.org/podIP": "10.10.0.65/32",
  "cni.projectcalico.org/podIPs": "10.10.0.65/32,fd00::65/128",
  "cni.projectcalico.org/containerID": "c0ffee",
};

interface PodParts {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly metadata?: Members;
  readonly spec?: Members;
  readonly status?: Members;
}

function podWith(parts: PodParts = {}): ApiObject {
  return {
    metadata: {
      name: "web-0",
      namespace: "prod",
      ...givenByServer,
      labels: { app: "web" },
      ...(parts.annotations && { annotations: parts.annotations }),
      ...parts.metadata,
    },
    spec: { nodeName: "node1", serviceAccountName: "web", containers: [{ image: "large" }], ...parts.spec },
    status: { phase: "Running", ...parts.status },
  };
}

function endpointOf(pod: ApiObject): WorkloadEndpoint {
  const reading = podSource.read(pod);
  assert.ok(reading.type === "value", JSON.stringify(reading));
  return reading.value;
}

/** As the API server notes it. */
function writerOf(written: Readonly<Record<string, string>>): Members {
  const fields = Object.fromEntries(Object.keys(written).map((name) => [`f:${name}`, {}]));
  return { manager: "kubectl", operation: "Update", fieldsV1: { "f:metadata": { "f:annotations": fields } } };
}

describe("a Pod", () => {
  it("is an endpoint with the pod's labels, profiles, interface and addresses", () => {
    assert.deepEqual(podSource.read(podWith({ annotations })), {
      type: "value",
      key,
      value: {
        kind: "WorkloadEndpoint",
        apiVersion: "projectcalico.org/v3",
        metadata: {
          name: key.name,
          namespace: "prod",
          uid: givenByServer.uid,
          creationTimestamp: givenByServer.creationTimestamp,
          labels: {
            app: "web",
            "projectcalico.org/namespace": "prod",
            "projectcalico.org/orchestrator": "k8s",
            "projectcalico.org/serviceaccount": "web",
          },
          annotations: { "brindle.network/pod-uid": givenByServer.uid },
        },
        spec: {
          orchestrator: "k8s",
          node: "node1",
          containerID: "c0ffee",
          pod: "web-0",
          endpoint: "eth0",
          serviceAccountName: "web",
          ipNetworks: ["10.10.0.65/32", "fd00::65/128"],
          profiles: ["kns.prod", "ksa.prod.web"],
          // cali and the beginning of what sha1sum says of "prod.web-0".
          interfaceName: "caliaa960f0d82e",
        },
      },
    });
  });

  const absent: { name: string; parts: PodParts }[] = [
    { name: "that no node has been found for", parts: { spec: { nodeName: undefined } } },
    { name: "in the network of its node", parts: { spec: { hostNetwork: true }, annotations } },
    {
      name: "whose address the plugin took away",
      parts: {
        annotations: { "cni.projectcalico.org/podIP": "", "cni.projectcalico.org/podIPs": "" },
        status: { podIP: "10.10.0.65" },
      },
    },
    { name: "whose address Amazon's plugin took away", parts: { annotations: { "vpc.amazonaws.com/pod-ips": "" } } },
  ];
  for (const { name, parts } of absent) {
    it(`${name} is no endpoint`, () => assert.deepEqual(podSource.read(podWith(parts)), { type: "absent" }));
  }

  const addressed: { name: string; parts: PodParts; networks: readonly string[] | undefined }[] = [
    {
      name: "the kubelet's addresses before the plugin's",
      parts: { annotations, status: { podIP: "10.10.0.66", podIPs: [{ ip: "10.10.0.66" }, { ip: "fd00::66" }] } },
      networks: ["10.10.0.66/32", "fd00::66/128"],
    },
    {
      name: "the kubelet's one address, where it tells no list",
      parts: { annotations, status: { podIP: "10.10.0.66" } },
      networks: ["10.10.0.66/32"],
    },
    {
      name: "the plugin's one address, where it noted no list",
      parts: { annotations: { "cni.projectcalico.org/podIP": "10.10.0.65/32" } },
      networks: ["10.10.0.65/32"],
    },
    {
      name: "the addresses of Amazon's plugin",
      parts: { annotations: { "vpc.amazonaws.com/pod-ips": "10.10.0.67" } },
      networks: ["10.10.0.67/32"],
    },
    { name: "no address before the plugin gave one", parts: {}, networks: undefined },
    {
      name: "no address that its own user wrote there",
      parts: { annotations, metadata: { managedFields: [writerOf(annotations)] } },
      networks: undefined,
    },
    {
      name: "the plugin's addresses, whatever its user had written",
      parts: {
        annotations,
        metadata: { managedFields: [writerOf(annotations), { ...writerOf(annotations), subresource: "status" }] },
      },
      networks: ["10.10.0.65/32", "fd00::65/128"],
    },
    {
      name: "no address once it has succeeded",
      parts: { annotations, status: { phase: "Succeeded", podIP: "10.10.0.65" } },
      networks: undefined,
    },
    { name: "no address once it has failed", parts: { annotations, status: { phase: "Failed" } }, networks: undefined },
  ];
  for (const { name, parts, networks } of addressed) {
    it(`has ${name}`, () => assert.deepEqual(endpointOf(podWith(parts)).spec.ipNetworks, networks));
  }

  it("has the ports that have a name or a port of the node, of all its containers", () => {
    const containers = [
      {
        ports: [
          { name: "http", containerPort: 8080, protocol: "TCP" },
          { containerPort: 9 },
          { containerPort: 53, hostPort: 5353, hostIP: "192.0.2.1", protocol: "UDP" },
        ],
      },
      { ports: [{ name: "odd", containerPort: 1, protocol: "DCCP" }] },
    ];
    const initContainers = [{ ports: [{ name: "init", containerPort: 81 }] }];
    assert.deepEqual(endpointOf(podWith({ spec: { containers, initContainers } })).spec.ports, [
      { name: "http", protocol: "TCP", port: 8080, hostPort: 0, hostIP: "" },
      { name: "", protocol: "UDP", port: 53, hostPort: 5353, hostIP: "192.0.2.1" },
      { name: "init", protocol: "TCP", port: 81, hostPort: 0, hostIP: "" },
    ]);
  });

  it("has no label for a service account whose name is no label's value", () => {
    const { metadata, spec } = endpointOf(podWith({ spec: { serviceAccountName: "a".repeat(63) } }));
    assert.equal(metadata.labels?.["projectcalico.org/serviceaccount"], undefined);
    assert.equal(spec.profiles?.[1], `ksa.prod.${"a".repeat(63)}`);
  });

  it("has each floating address for its own of the same family, and the sources that it may use", () => {
    const more = {
      ...annotations,
      "cni.projectcalico.org/floatingIPs": '["203.0.113.1","2001:db8::1"]',
      "cni.projectcalico.org/allowedSourcePrefixes": '["198.51.100.7/24"]',
    };
    const { ipNATs, allowSpoofedSourcePrefixes } = endpointOf(podWith({ annotations: more })).spec;
    assert.deepEqual(ipNATs, [
      { internalIP: "10.10.0.65", externalIP: "203.0.113.1" },
      { internalIP: "fd00::65", externalIP: "2001:db8::1" },
    ]);
    assert.deepEqual(allowSpoofedSourcePrefixes, ["198.51.100.0/24"]);
  });

  const malformed: { name: string; parts: PodParts; reason: RegExp }[] = [
    { name: "an address that is none", parts: { status: { podIP: "here" } }, reason: /spec\.ipNetworks\[0\]/ },
    {
      name: "floating addresses that are no list",
      parts: { annotations: { "cni.projectcalico.org/floatingIPs": "203.0.113.1" } },
      reason: /floatingIPs.*no list of texts/,
    },
    {
      name: "a source that is no network",
      parts: { annotations: { "cni.projectcalico.org/allowedSourcePrefixes": '["here"]' } },
      reason: /allowSpoofedSourcePrefixes\[0\]/,
    },
  ];
  for (const { name, parts, reason } of malformed) {
    it(`with ${name} is set aside, with what can be read of it`, () => {
      const reading = podSource.read(podWith(parts));
      assert.ok(reading.type === "undecodable");
      assert.deepEqual(reading.key, key);
      assert.match(reading.reason, reason);
      assert.equal((reading.partial as { spec: { node: string } }).spec.node, "node1");
    });
  }
});

describe("a write of an endpoint", () => {
  const written = endpointOf(podWith({ annotations }));
  const noted = annotations;

  it("annotates the pod by way of its status, in the version and with the UID that were read", () => {
    const request = requestOf(podSource.write({ op: "create", key, value: written }, podWith()));
    assert.equal(`${request.method} ${request.path}`, "PATCH /api/v1/namespaces/prod/pods/web-0/status");
    assert.equal(request.contentType, "application/strategic-merge-patch+json");
    const { uid, resourceVersion } = givenByServer;
    assert.deepEqual(parseJson(request.body), { metadata: { uid, resourceVersion, annotations: noted } });
    assert.deepEqual(endpointOf(patched(podWith(), request)), written);
  });

  it("that deletes it empties its addresses, and leaves the container for whoever asks again", () => {
    const request = requestOf(podSource.write({ op: "delete", key, revision: "1000" }));
    assert.deepEqual(parseJson(request.body), {
      metadata: {
        resourceVersion: "1000",
        annotations: { "cni.projectcalico.org/podIP": "", "cni.projectcalico.org/podIPs": "" },
      },
    });
    const left = patched(podWith({ annotations }), request);
    assert.deepEqual(podSource.read(left), { type: "absent" });
    assert.equal((left.metadata.annotations as Record<string, string>)["cni.projectcalico.org/containerID"], "c0ffee");
  });

  it("that creates it is done again once it was deleted, and not while it has an address", () => {
    const deleted = patched(
      podWith({ annotations }),
      requestOf(podSource.write({ op: "delete", key, revision: "1000" })),
    );
    assert.equal(podSource.write({ op: "create", key, value: written }, deleted).type, "send");
    assert.deepEqual(podSource.write({ op: "create", key, value: written }, podWith({ annotations })), {
      type: "conflict",
    });
  });

  it("never goes to the next pod of the name", () => {
    const request = requestOf(podSource.write({ op: "put", key, value: written }));
    assert.equal((parseJson(request.body) as unknown as ApiObject).metadata.uid, givenByServer.uid);
    const next = podWith({ metadata: { uid: "another" } });
    assert.deepEqual(podSource.write({ op: "put", key, value: written }, next), { type: "conflict" });
  });

  describe("by the hash that a kubelet has for the UID of a static pod", () => {
    const hash = "3f2a9c1d7e5b4a608f1c2d3e4a5b6c7d";
    const byHash = {
      ...written,
      metadata: { ...written.metadata, annotations: { "brindle.network/pod-uid": hash } },
    };
    const ofFile = (configHash: string) =>
      podWith({ annotations: { "kubernetes.io/config.hash": configHash, "kubernetes.io/config.mirror": configHash } });

    it("asks for the Pod before it goes anywhere", () => {
      assert.deepEqual(podSource.write({ op: "put", key, value: byHash }), { type: "conflict" });
    });

    for (const op of ["create", "put"] as const) {
      it(`goes to the Pod that shows it, when it is a ${op}`, () => {
        const request = requestOf(podSource.write({ op, key, value: byHash }, ofFile(hash)));
        assert.equal((parseJson(request.body) as unknown as ApiObject).metadata.uid, givenByServer.uid);
      });

      it(`never goes to the Pod of another file, when it is a ${op}`, () => {
        const other = ofFile("00000000000000000000000000000000");
        assert.deepEqual(podSource.write({ op, key, value: byHash }, other), { type: "conflict" });
      });
    }
  });

  const refused: { name: string; current: ApiObject | null; reason: RegExp }[] = [
    { name: "a pod that does not exist", current: null, reason: /Pod prod\/web-0 does not exist/ },
    {
      name: "a pod of another node",
      current: podWith({ spec: { nodeName: "node2" } }),
      reason: /is not on node node1/,
    },
    {
      name: "a pod in the network of its node",
      current: podWith({ spec: { hostNetwork: true } }),
      reason: /in the network of its node/,
    },
  ];
  for (const { name, current, reason } of refused) {
    it(`that creates it is refused for ${name}`, () => {
      const plan = podSource.write({ op: "create", key, value: written }, current);
      assert.match(plan.type === "refused" ? plan.reason : plan.type, reason);
    });
  }

  it("is refused for what is no pod, and for another interface of one", () => {
    for (const name of ["node1-libnetwork-x-eth0", "node1-k8s-web--0-net1"]) {
      const plan = podSource.write({ op: "put", key: { ...key, name }, value: written });
      assert.match(plan.type === "refused" ? plan.reason : plan.type, /the interface eth0 of pods/);
      assert.deepEqual(podSource.locate({ ...key, name }), []);
    }
  });
});

describe("endpoints are listed", () => {
  const rows = [
    {
      name: "of one node, where the prefix names it",
      scope: { namePrefix: "node--1-k8s-" },
      narrowing: { fieldSelector: "spec.nodeName=node-1" },
    },
    {
      name: "of one namespace",
      scope: { namespace: "prod" },
      narrowing: { namespace: "prod", fieldSelector: "spec.nodeName!=" },
    },
    {
      name: "of all nodes, where a prefix may go on",
      scope: { namePrefix: "node-" },
      narrowing: { fieldSelector: "spec.nodeName!=" },
    },
    { name: "of all nodes, without pods that have none", scope: {}, narrowing: { fieldSelector: "spec.nodeName!=" } },
  ];
  for (const { name, scope, narrowing } of rows) {
    it(name, () => assert.deepEqual(podSource.narrow(scope), narrowing));
  }
});
