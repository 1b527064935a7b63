/** Specification, "DEL": what a runtime leans on when it cleans up, often after something has gone wrong. */
import assert from "node:assert/strict";
import { added, addressesOf, hostInterfaces, linkIn, linksIn, silent } from "../expect.ts";
import type { Rule } from "../rule.ts";

export const delRules: readonly Rule[] = [
  {
    name: "DEL removes the container's interface, and the node's end of it, without a word",
    run: async (trial) => {
      const before = await linksIn(trial.host);
      const container = await trial.container();
      const names = hostInterfaces(await added(container)).filter((name) => !before.includes(name));
      silent(await container.call("DEL"));
      assert.equal(await linkIn(container.namespace, container.interfaceName), undefined);
      // A bridge is the network's, and stays.
      const left = (await linksIn(trial.host)).filter((name) => names.includes(name) && !/^cni/.test(name));
      assert.deepEqual(left, []);
    },
  },
  {
    name: "DEL succeeds with the result of ADD as prevResult",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      const prevResult = await added(container);
      silent(await container.call("DEL", { config: { prevResult } }));
    },
  },
  {
    name: "DEL succeeds twice",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      silent(await container.call("DEL"));
      silent(await container.call("DEL"));
    },
  },
  {
    name: "DEL succeeds for what was never added",
    run: async (trial) => silent(await (await trial.container()).call("DEL")),
  },
  {
    name: "DEL succeeds without CNI_NETNS",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      silent(await container.call("DEL", { variables: { CNI_NETNS: null } }));
    },
  },
  {
    name: "DEL succeeds where the namespace is gone",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      silent(await container.call("DEL", { variables: { CNI_NETNS: "/run/netns/there-is-none" } }));
    },
  },
  {
    name: "DEL succeeds where the interface is gone",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      await container.namespace.ip(`link delete ${container.interfaceName}`);
      silent(await container.call("DEL"));
    },
  },
  {
    name: "DEL of one container leaves the others'",
    run: async (trial) => {
      const [one, other] = [await trial.container(), await trial.container()];
      const [target = ""] = addressesOf(await added(one));
      await added(other);
      silent(await other.call("DEL"));
      assert(await linkIn(one.namespace, one.interfaceName), "its interface is gone");
      await added(other);
      await other.namespace.exec("ping", ["-n", "-c", "1", "-w", "10", target]);
    },
  },
  {
    name: "DEL of one interface leaves the container's others",
    run: async (trial) => {
      const container = await trial.container();
      const second = await trial.container({ sharing: container, interfaceName: "net1" });
      await added(container);
      await added(second);
      silent(await second.call("DEL"));
      assert(await linkIn(container.namespace, container.interfaceName), "the first interface is gone too");
      assert.equal(await linkIn(container.namespace, "net1"), undefined);
    },
  },
  {
    name: "eight DELs at once succeed",
    run: async (trial) => {
      const containers = await Promise.all(Array.from({ length: 8 }, () => trial.container()));
      await Promise.all(containers.map((container) => added(container)));
      for (const outcome of await Promise.all(containers.map((container) => container.call("DEL")))) silent(outcome);
    },
  },
];
