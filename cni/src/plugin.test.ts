/** The commands over scripted ports: what is called in which order, what is undone, what a runtime is told. */
import assert from "node:assert/strict";
import { StoreError, type WorkloadEndpoint } from "@brindle/api";
import { type Address, type Family, formatAddress, parseAddress } from "@brindle/net";
import { describe, it } from "vitest";
import { type Attachment, attachmentOf } from "./attachment.ts";
import { type BeyondOwn, nothingBeyond } from "./beyondOwn.ts";
import { CniPlugin } from "./plugin.ts";
import type { AddressRequest, AssignOutcome, Mark, Ports, Readiness, WireRequest } from "./ports.ts";
import type { Answer, RelayedRequest } from "./relay.ts";
import { supportedVersions } from "./versions.ts";

const [podAddress, podAddress6, gateway, gateway6] = ["10.65.0.3", "fd00::3", "169.254.1.1", "fe80::1"].map((text) => {
  const address = parseAddress(text);
  assert(address);
  return address;
}) as [Address, Address, Address, Address];

const config = { cniVersion: "1.0.0", name: "pods", type: "brindle", ipam: { type: "brindle-ipam" } };
const never = new AbortController().signal;
const hostLocal = { ipam: { type: "host-local", subnet: "usePodCidr" } };

function request(command: string, { with: extra = {}, container = "c1" } = {}): RelayedRequest {
  const variables = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: container,
    CNI_NETNS: "/run/netns/c1",
    CNI_IFNAME: "eth0",
    CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web",
  };
  return { variables, stdin: JSON.stringify({ ...config, ...extra }) };
}

interface Script {
  readonly assign?: () => Promise<AssignOutcome>;
  readonly release?: () => Promise<void>;
  readonly policy?: () => Promise<void>;
  readonly wire?: () => Promise<void>;
  readonly isWired?: boolean;
  readonly defaultFamilies?: readonly Family[];
  readonly readiness?: Readiness;
  readonly unwire?: (containerId: string) => Promise<void>;
  /** What is read anew, for CHECK and GC. */
  readonly endpoint?: WorkloadEndpoint;
  readonly held?: readonly Address[];
  readonly recorded?: (network: string) => readonly Attachment[];
  readonly marks?: readonly Mark[];
  /** Why no pod gets an address here. */
  readonly lacking?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** By address, which container has asked for it and is not done. */
  readonly asked?: Map<string, string>;
  readonly beyond?: Partial<BeyondOwn>;
  /** Whether a plugin of the list takes what is asked. */
  readonly takes?: boolean | null;
  readonly differences?: { readonly policy?: string[]; readonly links?: string[] };
}

/** Keeps the addresses of ADDs that run in `asked`. */
function holding(asked: Map<string, string>, calls: string[]): BeyondOwn {
  const hold: BeyondOwn["hold"] = (addresses, { containerId }) => {
    const texts = addresses.map(formatAddress);
    const taken = texts.find((text) => asked.has(text));
    if (taken === undefined) for (const text of texts) asked.set(text, containerId);
    return {
      refusal: async () => (taken === undefined ? null : { address: taken, reason: `is of ${asked.get(taken)}` }),
      storing: () => calls.push(`storing ${containerId}`),
      [Symbol.dispose]: () => {
        calls.push(`end ${containerId}`);
        for (const text of texts) if (asked.get(text) === containerId) asked.delete(text);
      },
    };
  };
  return { ...nothingBeyond, mayFloat: () => true, hold };
}

/** A world in which all goes well but for what the script says, and which writes down what it is asked. */
function world(script: Script = {}) {
  const calls: string[] = [];
  const limits: WireRequest["limits"][] = [];
  const requests: AddressRequest[] = [];
  const kept = new Map<string, RelayedRequest>();
  const ports: Ports = {
    node: "node1",
    pods: {
      describe: async () => {
        const { annotations } = script;
        return annotations ? { endpoint: null, annotations, namespace: { labels: {}, annotations: {} } } : null;
      },
    },
    addresses: {
      async assign(asked) {
        calls.push("assign");
        requests.push(asked);
        return script.assign?.() ?? { kind: "assigned", addresses: [podAddress, podAddress6], isNew: !script.isWired };
      },
      async release({ containerId }) {
        calls.push(`release ${containerId}`);
        await script.release?.();
      },
      lacking: async () => script.lacking ?? null,
    },
    records: {
      of: async () => ({ addresses: script.held ?? [podAddress, podAddress6], endpoint: script.endpoint ?? null }),
      attachments: async (network) => script.recorded?.(network) ?? [],
    },
    policy: {
      expect: () => ({ [Symbol.dispose]: () => {} }),
      async ready() {
        calls.push("policy");
        await script.policy?.();
      },
      check: async () => script.differences?.policy ?? [],
    },
    links: {
      async wire({ addresses, ...request }) {
        await addresses;
        limits.push(request.limits);
        calls.push("wire");
        await script.wire?.();
        return {
          isNew: !script.isWired,
          hostMac: "ee:ee:ee:ee:ee:ee",
          mtu: 1450,
          gateways: [gateway, gateway6],
          defaultFamilies: script.defaultFamilies ?? [4, 6],
        };
      },
      async unwire({ containerId }) {
        calls.push(`unwire ${containerId}`);
        await script.unwire?.(containerId);
      },
      check: async () => script.differences?.links ?? [],
      marks: async () => script.marks ?? [],
    },
    lists: { takes: async () => script.takes ?? null },
    ...(script.asked && { beyond: { ...holding(script.asked, calls), ...script.beyond } }),
    readiness: async () => script.readiness ?? { kind: "ready" },
    pending: {
      keep: async (key, request) => void kept.set(key, request),
      keys: async () => [...kept.keys()],
      read: async (key) => kept.get(key) ?? null,
      remove: async (key) => void kept.delete(key),
    },
  };
  return { plugin: new CniPlugin(ports), calls, kept, limits, requests };
}

function printed(answer: Answer): { readonly code?: number; readonly msg?: string; readonly [field: string]: unknown } {
  return JSON.parse(answer.stdout);
}

const away = async (): Promise<never> => {
  throw new StoreError({ code: "UNAVAILABLE", reason: "no etcd answers" });
};
const broken = async (): Promise<never> => {
  throw new Error("the kernel said no");
};

describe("ADD", () => {
  it("answers with the form of version 1.0.0", async () => {
    const { plugin } = world();
    const answer = await plugin.answer(request("ADD"), never);
    assert.equal(answer.exitCode, 0);
    const { interfaces, ...rest } = printed(answer) as { interfaces: Record<string, unknown>[] };
    assert.deepEqual(rest, {
      cniVersion: "1.0.0",
      ips: [
        { address: "10.65.0.3/32", gateway: "169.254.1.1", interface: 1 },
        { address: "fd00::3/128", gateway: "fe80::1", interface: 1 },
      ],
      routes: [
        { dst: "0.0.0.0/0", gw: "169.254.1.1" },
        { dst: "::/0", gw: "fe80::1" },
      ],
      dns: {},
    });
    assert.deepEqual(
      interfaces.map(({ name, sandbox, mtu }) => ({ name, sandbox, mtu })),
      [
        { name: "calic36cb0217f8", sandbox: undefined, mtu: undefined },
        { name: "eth0", sandbox: "/run/netns/c1", mtu: undefined },
      ],
    );
  });

  it("has the hardware address that CNI_ARGS asks for, as podman does, and refuses one that is none", async () => {
    const { variables, stdin } = request("ADD");
    const asking = (mac: string) => ({ variables: { ...variables, CNI_ARGS: `IgnoreUnknown=1;MAC=${mac}` }, stdin });
    const { plugin } = world();
    const { interfaces } = printed(await plugin.answer(asking("02:00:00:00:00:09"), never)) as {
      interfaces: { mac: string }[];
    };
    assert.equal(interfaces[1]?.mac, "02:00:00:00:00:09");
    assert.match(
      printed(await plugin.answer(asking("x"), never)).msg ?? "",
      /CNI_ARGS\.mac: "x" is no hardware address/,
    );
  });

  const unreadable = [
    {
      name: "a label",
      asked: request("ADD", { with: { args: { cni: { labels: [{ key: "app", value: "a b" }] } } } }),
      code: 7,
      says: /metadata\.labels\.app: "a b" is no value of a label/,
    },
    {
      name: "a name",
      asked: { ...request("ADD"), variables: { ...request("ADD").variables, CNI_IFNAME: "net_1" } },
      code: 4,
      says: /metadata\.name: "node1-k8s-web-net_1" is no name/,
    },
  ];
  for (const { name, asked, code, says } of unreadable) {
    it(`refuses ${name} with which nobody could read the endpoint, and keeps nothing`, async () => {
      const { plugin, calls } = world();
      const answer = printed(await plugin.answer(asked, never));
      assert.equal(answer.code, code);
      assert.match(answer.msg ?? "", says);
      assert.equal(calls.includes("policy"), false);
      assert.equal(calls.at(-1), "release c1");
    });
  }

  it("answers with the default routes that the interface has, not with another's", async () => {
    const answer = await world({ defaultFamilies: [6] }).plugin.answer(request("ADD"), never);
    assert.deepEqual(printed(answer).routes, [{ dst: "::/0", gw: "fe80::1" }]);
  });

  for (const cniVersion of ["0.3.1", "0.4.0"]) {
    it(`answers with the family of each address in version ${cniVersion}`, async () => {
      const answer = await world().plugin.answer(request("ADD", { with: { cniVersion } }), never);
      const result = printed(answer) as { cniVersion?: string; ips: { version: string; address: string }[] };
      assert.equal(result.cniVersion, cniVersion);
      assert.deepEqual(
        result.ips.map(({ version, address }) => [version, address]),
        [
          ["4", "10.65.0.3/32"],
          ["6", "fd00::3/128"],
        ],
      );
    });
  }

  it("answers with the interfaces' MTU in version 1.1.0", async () => {
    const answer = await world().plugin.answer(request("ADD", { with: { cniVersion: "1.1.0" } }), never);
    const { interfaces } = printed(answer) as { interfaces: { mtu: number }[] };
    assert.deepEqual(
      interfaces.map(({ mtu }) => mtu),
      [1450, 1450],
    );
  });

  const failures: { name: string; script: Script; calls: string[]; code: number; says: RegExp }[] = [
    {
      name: "the node is not ready: nothing is begun",
      script: { readiness: { kind: "notReady", reason: "etcd is away", connectivity: "intact" } },
      calls: [],
      code: 11,
      says: /etcd is away/,
    },
    { name: "the datastore is away", script: { assign: away }, calls: ["assign"], code: 11, says: /datastore/ },
    {
      name: "the pools are exhausted",
      script: { assign: async () => ({ kind: "exhausted", reason: "no IPv4 address is left" }) },
      calls: ["assign"],
      code: 11,
      says: /no IPv4 address is left/,
    },
    {
      name: "the pool does not exist",
      script: { assign: async () => ({ kind: "refused", reason: "no pool x" }) },
      calls: ["assign"],
      code: 7,
      says: /no pool x/,
    },
    {
      name: "the policy does not come to be: the pod is never wired",
      script: { policy: broken },
      calls: ["assign", "policy", "release c1"],
      code: 999,
      says: /kernel said no/,
    },
    {
      name: "the wiring fails",
      script: { wire: broken },
      calls: ["assign", "policy", "wire", "release c1"],
      code: 999,
      says: /kernel said no/,
    },
    {
      name: "what fails is a repeated ADD: what was there stays",
      script: { wire: broken, isWired: true },
      calls: ["assign", "policy", "wire"],
      code: 999,
      says: /kernel said no/,
    },
  ];
  for (const { name, script, calls, code, says } of failures) {
    it(`undoes what it did when ${name}`, async () => {
      const { plugin, calls: made, kept } = world(script);
      const answer = await plugin.answer(request("ADD"), never);
      assert.deepEqual(made, calls);
      assert.equal(answer.exitCode, 1);
      assert.equal(printed(answer).code, code);
      assert.match(printed(answer).msg ?? "", says);
      assert.equal(kept.size, 0);
    });
  }

  it("whose undoing fails keeps a DEL, and tells the first failure", async () => {
    const { plugin, kept } = world({ wire: broken, release: away });
    assert.match(printed(await plugin.answer(request("ADD"), never)).msg ?? "", /kernel said no/);
    assert.equal(kept.get("c1@eth0")?.variables.CNI_COMMAND, "DEL");
  });

  it("that nobody waits for any more is answered at once, and undone when it comes to its end", async () => {
    const gate = Promise.withResolvers<void>();
    const { plugin, calls } = world({ wire: () => gate.promise });
    const patience = new AbortController();
    const answering = plugin.answer(request("ADD"), patience.signal);
    await new Promise(setImmediate);
    patience.abort();
    assert.equal(printed(await answering).code, 11);
    assert.deepEqual(calls, ["assign", "policy", "wire"]);
    gate.resolve();
    await new Promise(setImmediate);
    assert.deepEqual(calls.slice(3), ["unwire c1", "release c1"]);
  });

  it("does an earlier DEL of the same container first", async () => {
    const script: { release?: () => Promise<void> } = { release: away };
    const { plugin, calls, kept } = world(script);
    await plugin.answer(request("DEL"), never);
    delete script.release;
    calls.length = 0;
    await plugin.answer(request("ADD"), never);
    assert.deepEqual(calls, ["unwire c1", "release c1", "assign", "policy", "wire"]);
    assert.equal(kept.size, 0);
  });
});

describe("DEL", () => {
  it("unwires before it releases, so that two interfaces never hold one address", async () => {
    const { plugin, calls } = world();
    assert.deepEqual(await plugin.answer(request("DEL"), never), { exitCode: 0, stdout: "" });
    assert.deepEqual(calls, ["unwire c1", "release c1"]);
  });

  it("waits for an ADD of the same container that is under way, and not for another's", async () => {
    const gate = Promise.withResolvers<void>();
    const { plugin, calls } = world({ wire: () => gate.promise });
    const adding = plugin.answer(request("ADD"), never);
    const deleting = plugin.answer(request("DEL"), never);
    await plugin.answer(request("DEL", { container: "c2" }), never);
    assert.deepEqual(calls, ["assign", "policy", "unwire c2", "release c2", "wire"].sort(byFirst(calls)));
    gate.resolve();
    await Promise.all([adding, deleting]);
    assert.deepEqual(calls.slice(-2), ["unwire c1", "release c1"]);
  });

  it("without a datastore is kept and answered with success, and done at the next replay", async () => {
    const script: { release?: () => Promise<void> } = { release: away };
    const { plugin, calls, kept } = world(script);
    assert.equal((await plugin.answer(request("DEL"), never)).exitCode, 0);
    const failed = await plugin.replay();
    assert.deepEqual(
      failed.failed.map(({ key, failure }) => [key, failure.code]),
      [["c1@eth0", "TRY_AGAIN_LATER"]],
    );
    delete script.release;
    assert.deepEqual((await plugin.replay()).done, ["c1@eth0"]);
    assert.equal(kept.size, 0);
    assert.equal(calls.at(-1), "release c1");
  });

  it("that fails for good is an error, and not kept", async () => {
    const { plugin, kept } = world({ release: broken });
    assert.equal(printed(await plugin.answer(request("DEL"), never)).code, 999);
    assert.equal(kept.size, 0);
  });
});

describe("a pod that asks for an address which no pool gives", () => {
  const annotations = { "cni.projectcalico.org/ipAddrsNoIpam": '["192.0.2.9"]' };
  const allowed = { feature_control: { ip_addrs_no_ipam: true } };

  it("gets it, and no other, where the list allows it", async () => {
    const { plugin, requests } = world({
      annotations,
      assign: async () => ({ kind: "assigned", addresses: requests[0]?.unmanaged ?? [], isNew: true }),
    });
    const { ips } = printed(await plugin.answer(request("ADD", { with: allowed }), never));
    assert.deepEqual(ips, [{ address: "192.0.2.9/32", gateway: "169.254.1.1", interface: 1 }]);
    const [asked] = requests;
    assert.deepEqual([asked?.ipam.assignIpv4, asked?.ipam.assignIpv6, asked?.addresses], [true, false, []]);
  });

  for (const [name, extra, more, says] of [
    ["where the list does not allow it", {}, {}, /ipAddrsNoIpam: pods have addresses of IPPools alone, unless/],
    ["of a list with host-local", { ...allowed, ...hostLocal }, {}, /ipAddrsNoIpam: a list with host-local/],
    ["beside another", allowed, { "cni.projectcalico.org/ipAddrs": '["10.65.0.3"]' }, /use one or the other$/],
    ["that is no address", allowed, { "cni.projectcalico.org/ipAddrsNoIpam": '["web"]' }, /"web" is no address/],
  ] as const) {
    it(`is refused in words before anything is made: ${name}`, async () => {
      const { plugin, calls } = world({ annotations: { ...annotations, ...more } });
      const answer = printed(await plugin.answer(request("ADD", { with: extra }), never));
      assert.equal(answer.code, 7);
      assert.match(answer.msg ?? "", says);
      assert.deepEqual(calls, []);
    });
  }

  it("holds it from before it is looked at until all is done or undone, and who asks meanwhile is to try again", async () => {
    const asked = new Map<string, string>();
    let isBroken = true;
    const { plugin, calls } = world({
      ...{ annotations, asked },
      assign: async () => ({ kind: "assigned", addresses: [podAddress], isNew: true }),
      policy: async () => (isBroken ? broken() : undefined),
    });
    const adding = ["c1", "c2"].map((container) => plugin.answer(request("ADD", { with: allowed, container }), never));
    const [first, second] = (await Promise.all(adding)).map(printed);
    assert.equal(first?.code, 999);
    assert.deepEqual([second?.code, second?.msg], [11, "the address 192.0.2.9 cannot be given: it is of c1"]);
    const ofFirst = calls.filter((call) => call.endsWith("c1") || call === "assign");
    assert.deepEqual(ofFirst, ["storing c1", "assign", "release c1", "end c1"]);
    isBroken = false;
    const third = await plugin.answer(request("ADD", { with: allowed, container: "c3" }), never);
    assert.deepEqual([third.exitCode, asked.size], [0, 0]);
  });

  for (const [name, asking, asks, says] of [
    ["its own", annotations, "unmanagedBy", /the WorkloadEndpoint shop\/web has it past IPPools/],
    [
      "to float to it",
      { "cni.projectcalico.org/floatingIPs": '["192.0.2.9"]' },
      "floatsTo",
      /it floats to the pod shop\/web/,
    ],
  ] as const)
    it(`is undone and tries again where another node's pod was stored with it at the same moment, as ${name}`, async () => {
      let isTold = false;
      const { plugin, calls } = world({
        ...{ annotations: asking, asked: new Map() },
        assign: async () => ({ kind: "assigned", addresses: [podAddress], isNew: true }),
        // What was stored before this endpoint the watch has told when its policy is in force.
        policy: async () => {
          isTold = true;
        },
        beyond: { [asks]: () => (isTold ? "shop/web" : null) },
      });
      const answer = printed(await plugin.answer(request("ADD", { with: allowed }), never));
      assert.equal(answer.code, 11);
      assert.match(answer.msg ?? "", says);
      assert.deepEqual([calls.includes("wire"), calls.includes("release c1")], [false, true]);
    });

  it("holds what is to float to it, too", async () => {
    const asked = new Map<string, string>();
    let held: string[] = [];
    const { plugin } = world({
      ...{ annotations: { "cni.projectcalico.org/floatingIPs": '["192.0.2.7"]' }, asked },
      assign: async () => {
        held = [...asked.keys()];
        return { kind: "assigned", addresses: [podAddress], isNew: true };
      },
    });
    assert.equal((await plugin.answer(request("ADD"), never)).exitCode, 0);
    assert.deepEqual([held, asked.size], [["192.0.2.7"], 0]);
  });

  it("is as promised to CHECK, though no handle has the address", async () => {
    const endpoint = (with_: object): WorkloadEndpoint => ({
      ...{ apiVersion: "projectcalico.org/v3", kind: "WorkloadEndpoint" },
      metadata: { namespace: "prod", name: "node1-k8s-web-eth0", ...with_ },
      spec: { orchestrator: "k8s", node: "node1", endpoint: "eth0", containerID: "c1", ipNetworks: ["192.0.2.9/32"] },
    });
    const found = async (with_: object): Promise<string> => {
      const { plugin } = world({ endpoint: endpoint(with_), held: [] });
      const ips = [{ address: "192.0.2.9/32", interface: 1 }];
      const interfaces = [{ name: "calic36cb0217f8" }, { name: "eth0", sandbox: "/run/netns/c1" }];
      const prevResult = { cniVersion: "1.0.0", interfaces, ips, routes: [], dns: {} };
      const answer = await plugin.answer(request("CHECK", { with: { prevResult } }), never);
      return answer.exitCode === 0 ? "" : String(printed(answer).details);
    };
    assert.match(await found({}), /192\.0\.2\.9 is not held by this container/);
    assert.equal(await found({ annotations }), "");
  });
});

describe("a pod that asks to be limited", () => {
  const kubernetes = { "kubernetes.io/egress-bandwidth": "10M" };
  const calico = { "qos.projectcalico.org/egressBandwidth": "8M", "qos.projectcalico.org/egressBurst": "1M" };
  const ours = { egressBandwidth: 8_000_000, egressBurst: 1_000_000 };
  for (const { name, annotations, takes, wired } of [
    { name: "by a plugin of the list", annotations: kubernetes, takes: true, wired: null },
    { name: "by a plugin that the list may have", annotations: kubernetes, takes: null, wired: null },
    {
      name: "by us, where the list has no plugin for it",
      annotations: kubernetes,
      takes: false,
      wired: { egressBandwidth: 10_000_000, egressBurst: 4_294_967_296 },
    },
    { name: "by us, by Calico's annotations", annotations: calico, takes: true, wired: ours },
    {
      name: "by us, Calico's annotations before Kubernetes'",
      annotations: { ...kubernetes, ...calico },
      takes: false,
      wired: ours,
    },
    { name: "by nobody", annotations: { "kubernetes.io/other": "1" }, takes: false, wired: null },
  ]) {
    it(`is limited ${name}`, async () => {
      const { plugin, limits } = world({ annotations, takes });
      assert.equal((await plugin.answer(request("ADD"), never)).exitCode, 0);
      assert.deepEqual(limits, [wired]);
    });
  }

  it("is limited by what the runtime hands on, but for what its annotations say", async () => {
    const bandwidth = { ingressRate: 5_000, IngressBurst: 0, EgressRate: 6_000, egressBurst: 7_000 };
    const asked = request("ADD", { with: { runtimeConfig: { bandwidth } } });
    const handedOn = {
      ingressBandwidth: 5_000,
      ingressBurst: 34_359_738_360,
      egressBandwidth: 6_000,
      egressBurst: 7_000,
    };
    for (const [script, wired] of [
      [{}, handedOn],
      [
        { annotations: calico, takes: false },
        { ...handedOn, ...ours },
      ],
      [{ takes: true }, null],
    ] as const) {
      const { plugin, limits } = world(script);
      assert.equal((await plugin.answer(asked, never)).exitCode, 0);
      assert.deepEqual(limits, [wired]);
    }
    const wrong = request("ADD", { with: { runtimeConfig: { bandwidth: { ingressRate: "5M" } } } });
    const { msg = "" } = printed(await world().plugin.answer(wrong, never));
    assert.match(msg, /bandwidth\.ingressRate: must be a number of bits/);
  });

  for (const [annotations, says] of [
    [
      { ...kubernetes, ...calico },
      /^qos\.projectcalico\.org\/egressBandwidth: the plugin bandwidth in the network's list/,
    ],
    [{ "qos.projectcalico.org/dscp": "64" }, /^qos\.projectcalico\.org\/dscp: "64" is no codepoint from 0 to 63/],
    [{ "qos.projectcalico.org/egressBandwidth": "fast" }, /egressBandwidth: "fast" is no quantity such as 10M$/],
    [{ "kubernetes.io/egress-bandwidth": "1" }, /^kubernetes\.io\/egress-bandwidth: 1 is less than 1k$/],
  ] as const) {
    it(`is refused in words before anything is made: ${Object.values(annotations)}`, async () => {
      const { plugin, calls } = world({ annotations, takes: true });
      const answer = printed(await plugin.answer(request("ADD"), never));
      assert.equal(answer.code, 7);
      assert.match(answer.msg ?? "", says);
      assert.deepEqual(calls, []);
    });
  }
});

describe("the other commands", () => {
  it("VERSION names all versions, whatever stdin holds", async () => {
    const answer = await world().plugin.answer({ variables: { CNI_COMMAND: "VERSION" }, stdin: "" }, never);
    assert.deepEqual(printed(answer), { cniVersion: "1.1.0", supportedVersions: [...supportedVersions] });
  });

  const states: { name: string; readiness: Readiness; code: number | null }[] = [
    { name: "says nothing when all is well", readiness: { kind: "ready" }, code: null },
    {
      name: "answers 50 when no pod can be added",
      readiness: { kind: "notReady", reason: "etcd is away", connectivity: "intact" },
      code: 50,
    },
    {
      name: "answers 51 when pods may be cut off",
      readiness: { kind: "notReady", reason: "no policy yet", connectivity: "limited" },
      code: 51,
    },
  ];
  it("STATUS answers 50 with the reason when no pool gives this node addresses", async () => {
    const { plugin } = world({ lacking: "no IPPool gives IPv4 addresses to pods of this node" });
    const answer = printed(await plugin.answer(request("STATUS", { with: { cniVersion: "1.1.0" } }), never));
    assert.deepEqual([answer.code, answer.msg], [50, "no IPPool gives IPv4 addresses to pods of this node"]);
  });

  for (const { name, readiness, code } of states) {
    it(`STATUS ${name}`, async () => {
      const answer = await world({ readiness }).plugin.answer(
        request("STATUS", { with: { cniVersion: "1.1.0" } }),
        never,
      );
      if (code === null) assert.deepEqual(answer, { exitCode: 0, stdout: "" });
      else assert.equal(printed(answer).code, code);
    });
  }

  for (const [command, since] of [
    ["CHECK", "0.4.0"],
    ["GC", "1.1.0"],
    ["STATUS", "1.1.0"],
  ] as const) {
    it(`${command} is refused in a version before ${since}, which has none`, async () => {
      const with_ = { cniVersion: supportedVersions[supportedVersions.indexOf(since) - 1] };
      const { code, msg } = printed(await world().plugin.answer(request(command, { with: with_ }), never));
      assert.equal(code, 1);
      assert.match(msg ?? "", new RegExp(`it came with ${since}`));
    });
  }
});

const prevResult = {
  cniVersion: "1.1.0",
  interfaces: [
    { name: "calic36cb0217f8", mac: "ee:ee:ee:ee:ee:ee" },
    { name: "eth0", mac: "02:00:00:00:00:01", sandbox: "/run/netns/c1" },
  ],
  ips: [
    { address: "10.65.0.3/32", interface: 1 },
    { address: "fd00::3/128", interface: 1 },
  ],
};

function endpointWith(spec: object = {}): WorkloadEndpoint {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "WorkloadEndpoint",
    metadata: { name: "node1-k8s-web-eth0", namespace: "prod" },
    spec: { orchestrator: "k8s", node: "node1", endpoint: "eth0", ...spec },
  };
}

const endpoint = endpointWith({ containerID: "c1", ipNetworks: ["10.65.0.3/32", "fd00::3/128"] });

describe("CHECK", () => {
  const check = (script: Script, changes: object = {}) =>
    world(script).plugin.answer(request("CHECK", { with: { prevResult, ...changes } }), never);

  it("says nothing when all is as it was promised", async () => {
    assert.deepEqual(await check({ endpoint }), { exitCode: 0, stdout: "" });
  });

  const unlike: { name: string; script?: Script; prevResult?: object; says: RegExp[] }[] = [
    {
      name: "what the kernel lacks, and what policy lacks",
      script: { endpoint, differences: { links: ["no route"], policy: ["no chain"] } },
      says: [/no route; no chain/],
    },
    { name: "an endpoint that is gone", script: {}, says: [/has no WorkloadEndpoint/] },
    {
      name: "an endpoint that is another container's",
      script: { endpoint: endpointWith({ containerID: "c2" }) },
      says: [/is of the container c2/],
    },
    {
      name: "an endpoint with other addresses",
      script: { endpoint: endpointWith({ containerID: "c1", ipNetworks: ["10.65.0.9/32"] }) },
      says: [/has 10\.65\.0\.9, and the container holds 10\.65\.0\.3 and fd00::3/],
    },
    {
      name: "an address that it does not hold, and one that it holds in silence",
      script: { endpoint },
      prevResult: { ...prevResult, ips: [prevResult.ips[1], { address: "10.65.0.9/32", interface: 1 }] },
      says: [/10\.65\.0\.9 is not held .*handle pods\.c1/, /10\.65\.0\.3 is held .* its result does not have it/],
    },
    {
      name: "a result without addresses",
      script: { endpoint },
      prevResult: { ...prevResult, ips: [] },
      says: [/its result has no address/],
    },
  ];
  for (const { name, script = {}, prevResult: other = prevResult, says } of unlike) {
    it(`names ${name}`, async () => {
      const answer = printed(await check(script, { prevResult: other }));
      assert.equal(answer.code, 102);
      for (const pattern of says) assert.match(String(answer.details), pattern);
    });
  }

  it("leaves later plugins' addresses and interfaces to them", async () => {
    const more = {
      ...prevResult,
      interfaces: [...prevResult.interfaces, { name: "vpn0", sandbox: "/run/netns/c1" }],
      ips: [...prevResult.ips, { address: "10.9.0.1/32", interface: 2 }, { address: "10.8.0.1/24", interface: 1 }],
    };
    assert.equal((await check({ endpoint }, { prevResult: more })).exitCode, 0);
  });

  const refused: { name: string; prevResult?: unknown; says: RegExp }[] = [
    { name: "no result of ADD", prevResult: undefined, says: /prevResult is missing/ },
    { name: "a result that is none", prevResult: 7, says: /must be an object/ },
    { name: "interfaces that are none", prevResult: { interfaces: 7 }, says: /interfaces that are no list/ },
    {
      name: "an address that is none",
      prevResult: { ...prevResult, ips: [{ address: "x", interface: 1 }] },
      says: /an address that is none: "x"/,
    },
    {
      name: "a result of another interface",
      prevResult: { interfaces: [] },
      says: /no interface eth0 in \/run\/netns/,
    },
  ];
  for (const { name, prevResult: given, says } of refused) {
    it(`is refused with ${name}`, async () => {
      const { code, msg } = printed(await check({ endpoint }, { prevResult: given }));
      assert.equal(code, 7);
      assert.match(msg ?? "", says);
    });
  }
});

describe("GC", () => {
  const valid = (...ids: string[]) => ids.map((containerID) => ({ containerID, ifname: "eth0" }));
  const collect = (plugin: CniPlugin, changes: object) =>
    plugin.answer(request("GC", { with: { cniVersion: "1.1.0", ...changes } }), never);
  const recordOf = (containerId: string, interfaceName = "eth0"): Attachment =>
    attachmentOf({ containerId, interfaceName, netns: null, args: { podNamespace: "prod", podName: "web" } }, "pods");
  const markOf = (containerId: string, network: string | null, interfaceName = "eth0"): Mark => ({
    containerId,
    interfaceName,
    network,
    hostInterface: `cali${containerId}`,
  });

  it("frees what the list lacks, wiring and addresses, and keeps what it has", async () => {
    const { plugin, calls, kept } = world({ recorded: () => [recordOf("c1"), recordOf("c2")] });
    kept.set("c2@eth0", request("DEL", { container: "c2" }));
    assert.deepEqual(await collect(plugin, { "cni.dev/valid-attachments": valid("c1") }), { exitCode: 0, stdout: "" });
    assert.deepEqual(calls, ["unwire c2", "release c2"]);
    assert.equal(kept.size, 0);
  });

  it("frees an interface that holds no address, if it is known to be of this network", async () => {
    const marks = [markOf("ours", "pods"), markOf("theirs", "other"), markOf("nobodys", null)];
    const { plugin, calls } = world({ marks });
    await collect(plugin, { "cni.dev/valid-attachments": [] });
    assert.deepEqual(calls, ["unwire ours", "release ours"]);
  });

  it("tells a container's interfaces apart", async () => {
    const { plugin, calls } = world({ recorded: () => [recordOf("c1"), recordOf("c1", "net1")] });
    await collect(plugin, { "cni.dev/valid-attachments": valid("c1") });
    assert.deepEqual(calls, ["unwire c1", "release c1"]);
  });

  it("spares an ADD that came meanwhile, and one that was under way", async () => {
    const gate = Promise.withResolvers<void>();
    const { plugin, calls } = world({ wire: () => gate.promise, recorded: () => [recordOf("c1"), recordOf("c2")] });
    const before = plugin.answer(request("ADD", { container: "c1" }), never);
    const collecting = collect(plugin, { "cni.dev/valid-attachments": [] });
    const after = plugin.answer(request("ADD", { container: "c2" }), never);
    gate.resolve();
    await Promise.all([before, collecting, after]);
    assert(!calls.some((call) => /unwire|release/.test(call)), calls.join());
  });

  it("goes on after what fails, and names it", async () => {
    const unwire = async (containerId: string): Promise<void> => {
      if (containerId === "c1") throw new Error("the kernel said no");
    };
    const { plugin, calls } = world({ recorded: () => [recordOf("c1"), recordOf("c2")], unwire });
    const answer = printed(await collect(plugin, { "cni.dev/valid-attachments": [] }));
    assert.equal(answer.code, 11);
    assert.match(String(answer.details), /c1@eth0: the kernel said no/);
    assert(calls.includes("release c2"));
  });

  const refused: { name: string; with: object }[] = [
    { name: "no list", with: {} },
    { name: "a list that is none", with: { "cni.dev/valid-attachments": {} } },
    { name: "an entry without a container", with: { "cni.dev/valid-attachments": [{ ifname: "eth0" }] } },
  ];
  for (const { name, with: given } of refused) {
    it(`frees nothing with ${name}`, async () => {
      const { plugin, calls } = world({ recorded: () => [recordOf("c1")] });
      assert.equal(printed(await collect(plugin, given)).code, 7);
      assert.deepEqual(calls, []);
    });
  }

  it("keeps what either list names, where a runtime writes two", async () => {
    const { plugin, calls } = world({ recorded: () => [recordOf("c1"), recordOf("c2")] });
    await collect(plugin, { "cni.dev/valid-attachments": valid("c1"), "cni.dev/attachments": valid("c2") });
    assert.deepEqual(calls, []);
  });
});

/** Sorts a list as the same things are sorted in another. */
function byFirst(order: readonly string[]): (a: string, b: string) => number {
  return (a, b) => order.indexOf(a) - order.indexOf(b);
}
