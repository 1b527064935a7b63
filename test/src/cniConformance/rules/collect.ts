/** Specification, "GC" and "STATUS", which came with 1.1.0. */
import assert from "node:assert/strict";
import { added, failed, hostInterfaces, linkIn, linksIn, silent } from "../expect.ts";
import type { Container, Rule } from "../rule.ts";

function valid(...containers: readonly Container[]): Readonly<Record<string, unknown>> {
  const list = containers.map(({ id, interfaceName }) => ({ containerID: id, ifname: interfaceName }));
  return { "cni.dev/valid-attachments": list };
}

export const collectRules: readonly Rule[] = [
  {
    name: "GC is refused as a matter of the version (1)",
    until: "1.0.0",
    run: async (trial) => void failed(await trial.call("GC", { config: valid() }), [1]),
  },
  {
    name: "GC says nothing where nothing is to be done",
    since: "1.1.0",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      silent(await trial.call("GC", { config: valid(container) }));
    },
  },
  {
    name: "GC frees the interfaces of what is not in its list",
    since: "1.1.0",
    run: async (trial) => {
      const [kept, gone] = [await trial.container(), await trial.container()];
      await added(kept);
      const names = hostInterfaces(await added(gone)).filter((name) => !/^cni/.test(name));
      silent(await trial.call("GC", { config: valid(kept) }));
      assert.equal(await linkIn(gone.namespace, gone.interfaceName), undefined, "its interface is still there");
      const there = await linksIn(trial.host);
      assert(!names.some((name) => there.includes(name)), "the node's end is still there");
    },
  },
  {
    name: "GC succeeds where an interface is gone already, and its container can be added anew",
    since: "1.1.0",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      await container.namespace.ip(`link delete ${container.interfaceName}`);
      silent(await trial.call("GC", { config: valid() }));
      await added(container);
    },
  },
  {
    name: "GC leaves what is in its list as it was",
    since: "1.1.0",
    run: async (trial) => {
      const [kept, other] = [await trial.container(), await trial.container()];
      const prevResult = await added(kept);
      await added(other);
      silent(await trial.call("GC", { config: valid(kept) }));
      silent(await kept.call("CHECK", { config: { prevResult } }));
    },
  },
  {
    name: "GC tells the interfaces of one container apart",
    since: "1.1.0",
    run: async (trial) => {
      const container = await trial.container();
      const second = await trial.container({ sharing: container, interfaceName: "net1" });
      await added(container);
      await added(second);
      silent(await trial.call("GC", { config: valid(container) }));
      assert(await linkIn(container.namespace, container.interfaceName), "the one in the list is gone");
      assert.equal(await linkIn(container.namespace, "net1"), undefined, "the other one is still there");
    },
  },
  {
    name: "DEL succeeds after GC",
    since: "1.1.0",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      silent(await trial.call("GC", { config: valid() }));
      silent(await container.call("DEL"));
    },
  },
  {
    name: "GC without a list is refused: it is not taken for an empty one",
    since: "1.1.0",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      failed(await trial.call("GC"));
      assert(await linkIn(container.namespace, container.interfaceName), "it has freed a container");
    },
  },
  {
    name: "STATUS is refused as a matter of the version (1)",
    until: "1.0.0",
    run: async (trial) => void failed(await trial.call("STATUS"), [1]),
  },
  {
    name: "STATUS says nothing while ADD works",
    since: "1.1.0",
    run: async (trial) => {
      await added(await trial.container());
      silent(await trial.call("STATUS"));
    },
  },
  {
    name: "STATUS needs no container",
    since: "1.1.0",
    run: async (trial) => {
      const variables = { CNI_CONTAINERID: null, CNI_NETNS: null, CNI_IFNAME: null, CNI_ARGS: null };
      silent(await trial.call("STATUS", { variables }));
    },
  },
  {
    name: "STATUS fails for a configuration that ADD refuses",
    since: "1.1.0",
    run: async (trial) => void failed(await trial.call("STATUS", { config: { name: undefined } })),
  },
];
