import assert from "node:assert/strict";
import { inspect } from "node:util";
import { type ApiObject, type ApiResource, apiVersion, type WorkloadEndpoint } from "@brindle/api";
import type { Following, News } from "@brindle/api/shell";
import { KernelError, type SavedChain, type SetChange } from "@brindle/net";
import type { Tables } from "@brindle/net/shell";
import { describe, it, vi } from "vitest";
import { PolicySync, type PolicySyncPorts } from "./policySync.ts";

/** A packet filter of one family that refuses changes as often, or which, as the test says. */
class FakeKernel {
  commits = 0;
  refuses: (text: string) => boolean = () => false;
  readonly tables: Tables[] = [
    {
      family: 4,
      backend: "nft",
      save: async (table) => ({ table, chains: new Map<string, SavedChain>() }),
      commit: async (transactions) => {
        this.commits += 1;
        this.#take(transactions);
      },
    },
  ];
  readonly sets = {
    list: async () => [],
    apply: async (changes: readonly SetChange[]) =>
      changes.map((change) => (change.op === "add" ? this.#refusal(change.elements) : null)),
  };

  #take(change: unknown): void {
    const refusal = this.#refusal(change);
    if (refusal) throw refusal;
  }

  #refusal(change: unknown): KernelError | null {
    if (!this.refuses(inspect(change, { depth: null }))) return null;
    return new KernelError({ code: "TIMEOUT", object: "change", timeoutMs: 1 });
  }

  close(): void {}
}

/** An API server that says of EndpointSlices what the test says. */
class FakeApi {
  asked = 0;
  tell: (news: News<unknown>) => void = () => assert.fail("nobody follows EndpointSlices");

  follow<T>(_resource: ApiResource, read: (object: ApiObject) => T, onNews: (news: News<T>) => void): Following {
    this.asked += 1;
    this.tell = (news) =>
      onNews(
        news.type === "changed"
          ? { ...news, item: { ...news.item, object: read(news.item.object as ApiObject) } }
          : news,
      );
    return { stop: async () => {} };
  }
}

function started(api?: FakeApi): { kernel: FakeKernel; policy: PolicySync; health: (string | null)[] } {
  const kernel = new FakeKernel();
  const health: (string | null)[] = [];
  const ports: PolicySyncPorts = { kernel, onHealth: (problem) => health.push(problem), ...(api && { api }) };
  return { kernel, policy: new PolicySync({ node: "node1" }, ports), health };
}

function tell(policy: PolicySync, name: string, isThere = true): WorkloadEndpoint {
  const metadata = { name, namespace: "default" };
  const value: WorkloadEndpoint = {
    apiVersion,
    kind: "WorkloadEndpoint",
    metadata,
    spec: {
      orchestrator: "k8s",
      node: "node1",
      endpoint: "eth0",
      interfaceName: `cali${name}`,
      ipNetworks: ["10.0.0.1/32"],
    },
  };
  policy.receive({ key: { kind: "WorkloadEndpoint", ...metadata }, value: isThere ? value : null });
  policy.changed();
  return value;
}

function tellServicePolicy(policy: PolicySync): void {
  const metadata = { name: "to-dns", namespace: "default" };
  const spec = { egress: [{ action: "Allow", destination: { services: { name: "dns" } } }] } as const;
  policy.receive({
    key: { kind: "NetworkPolicy", ...metadata },
    value: { apiVersion, kind: "NetworkPolicy", metadata, spec },
  });
  policy.changed();
}

const slice = {
  metadata: { name: "dns-1", namespace: "default", labels: { "kubernetes.io/service-name": "dns" } },
  endpoints: [{ addresses: ["10.0.0.9"] }],
  ports: [{ port: 53, protocol: "UDP" }],
};
const told: News<unknown> = { type: "changed", item: { id: "default/dns-1", resourceVersion: "1", object: slice } };

describe("a policy that names a Service", () => {
  const closed = (policy: PolicySync) => policy.problems().get("NetworkPolicy default/to-dns");

  it("makes the EndpointSlices be followed, and is in force once these are read", async () => {
    const api = new FakeApi();
    const { kernel, policy, health } = started(api);
    tell(policy, "a");
    await vi.waitFor(() => assert.deepEqual(health, [null]));
    assert.equal(api.asked, 0);
    tellServicePolicy(policy);
    tellServicePolicy(policy);
    api.tell(told);
    api.tell({ type: "away", reason: "no answer" });
    await vi.waitFor(() => assert.match(String(health.at(-1)), /^policies name Services, .*: no answer$/));
    const { commits } = kernel;
    api.tell({ type: "back" });
    assert.equal(kernel.commits, commits);
    api.tell({ type: "inSync" });
    await vi.waitFor(() => assert.equal(health.at(-1), null));
    assert.equal(closed(policy), undefined);
    assert.deepEqual(setMembers(policy), ["10.0.0.9,udp:53"]);
    api.tell({ type: "deleted", id: "default/dns-1" });
    await vi.waitFor(() => assert.deepEqual(setMembers(policy), []));
    assert.equal(api.asked, 1);
    await policy.end();
  });

  it("is closed where the API server does not let them be read, until it does", async () => {
    const api = new FakeApi();
    const { policy, health } = started(api);
    tell(policy, "a");
    tellServicePolicy(policy);
    api.tell({ type: "away", reason: "the role lacks them", isRefused: true });
    await vi.waitFor(() => assert.match(closed(policy) ?? "", /^its rules name Services: the role lacks them; it is/));
    await vi.waitFor(() => assert.equal(health.at(-1), null));
    api.tell(told);
    api.tell({ type: "inSync" });
    await vi.waitFor(() => assert.deepEqual(setMembers(policy), ["10.0.0.9,udp:53"]));
    assert.equal(closed(policy), undefined);
    await policy.end();
  });

  it("holds up others only for a while", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { policy, health } = started(new FakeApi());
      tell(policy, "a");
      await vi.waitFor(() => assert.deepEqual(health, [null]));
      tellServicePolicy(policy);
      tell(policy, "b");
      vi.advanceTimersByTime(10_000);
      await vi.waitFor(() => assert.match(closed(policy) ?? "", /has not told EndpointSlices within 10 s/));
      assert.equal(policy.facts().desired?.endpoints.size, 2);
      await policy.end();
    } finally {
      vi.useRealTimers();
    }
  });

  it("is closed where there is no Kubernetes", async () => {
    const { policy } = started();
    tell(policy, "a");
    tellServicePolicy(policy);
    await vi.waitFor(() => assert.match(closed(policy) ?? "", /there is no Kubernetes here that says what is behind/));
    await policy.end();
  });
});

/** Of IPv4, where the chains of the only policy are. */
function setMembers(policy: PolicySync): string[] {
  const sets = [...(policy.facts().desired?.sets.values() ?? [])].filter(
    ({ family, growth }) => family === 4 && growth !== "admits",
  );
  return sets.flatMap(({ members }) => [...members.keys()]);
}

describe("the backend that is asked for", () => {
  it("is moved to, or the reason told why not, and policy goes on", async () => {
    const { kernel, policy, health } = started();
    const other = new FakeKernel();
    const asked: unknown[] = [];
    Object.assign(kernel, {
      choose: async (backend: unknown) => {
        if (asked.at(-1) === backend) return null;
        asked.push(backend);
        if (backend === "legacy") throw new Error("no such module");
        return backend === "nft" ? other.tables.map((table) => ({ ...table, backend: "legacy" })) : null;
      },
    });
    tell(policy, "a");
    await vi.waitFor(() => assert.deepEqual(health, [null]));
    policy.setTablesBackend("legacy");
    tell(policy, "b");
    await vi.waitFor(() =>
      assert.match(
        policy.problems().get("FelixConfiguration iptablesBackend") ?? "",
        /to be legacy, .*: no such module$/,
      ),
    );
    await vi.waitFor(() => assert.equal(policy.facts().desired?.endpoints.size, 2));
    policy.setTablesBackend("nft");
    policy.changed();
    await vi.waitFor(() => assert(other.commits > 0));
    assert.equal(policy.problems().size, 0);
    assert.deepEqual(asked, [null, "legacy", "nft"]);
    await policy.end();
  });
});

describe("policy on this node", () => {
  it("is well again after a repair that failed at first", async () => {
    const { kernel, policy, health } = started();
    tell(policy, "a");
    await vi.waitFor(() => assert.deepEqual(health, [null]));
    let left = 1;
    kernel.refuses = () => left-- > 0;
    await policy.resync();
    assert.equal(typeof health[1], "string");
    assert.equal(health.at(-1), null);
    await policy.end();
  });

  it("says why a pod is not let in", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const { kernel, policy, health } = started();
      kernel.refuses = () => true;
      const endpoint = tell(policy, "a");
      const refused = assert.rejects(
        policy.ready(endpoint, new AbortController().signal),
        /^CniError: the policy of default\/a is not in force after 20 s, and the pod is not let in: change: the kernel did not answer within 1 ms$/,
      );
      await vi.waitFor(() => assert.equal(typeof health.at(-1), "string"));
      vi.advanceTimersByTime(20_000);
      await refused;
      await policy.end();
    } finally {
      vi.useRealTimers();
    }
  });

  it("is mended by a change, though what stood before can never be in force", async () => {
    const { kernel, policy, health } = started();
    kernel.refuses = (text) => text.includes("calibad");
    tell(policy, "bad");
    await vi.waitFor(() => assert.equal(typeof health.at(-1), "string"));
    tell(policy, "bad", false);
    await vi.waitFor(() => assert.equal(health.at(-1), null));
    await policy.end();
  });

  it("is not said to be in force before anything was received", async () => {
    const { kernel, policy, health } = started();
    await policy.resync();
    assert.deepEqual(health, []);
    assert.equal(kernel.commits, 0);
    await policy.end();
  });

  it("ends without a word while the kernel refuses", async () => {
    const { kernel, policy, health } = started();
    kernel.refuses = () => true;
    tell(policy, "a");
    await vi.waitFor(() => assert.equal(health.length, 1));
    await policy.end();
    const { commits } = kernel;
    assert.equal(health.length, 1);
    tell(policy, "b");
    await policy.resync();
    assert.deepEqual([kernel.commits, health.length], [commits, 1]);
  });
});
