/** Specification, "ADD" and "Success": what is made, and what is answered. */
import assert from "node:assert/strict";
import { added, addressesOf, failed, hostInterfaces, linkIn, linksIn, podInterface, succeeded } from "../expect.ts";
import type { Rule } from "../rule.ts";

export const addRules: readonly Rule[] = [
  {
    name: "ADD answers in the configuration's version",
    run: async (trial) => {
      const result = await added(await trial.container());
      assert.equal(result.cniVersion, trial.version);
    },
  },
  {
    name: "ADD makes the interface by its name in the container, up, and says its hardware address",
    run: async (trial) => {
      const container = await trial.container();
      const said = podInterface(await added(container), container);
      const link = await linkIn(container.namespace, container.interfaceName);
      assert(link, `there is no ${container.interfaceName} in the container`);
      assert(link.flags.includes("UP"), `its flags are ${link.flags.join()}`);
      assert.equal(said.mac, link.address);
      assert.equal(said.sandbox, container.namespace.path);
    },
  },
  {
    name: "ADD names only interfaces of the node that are there",
    run: async (trial) => {
      const names = hostInterfaces(await added(await trial.container()));
      const there = await linksIn(trial.host);
      assert(names.length > 0, "it names none");
      for (const name of names) assert(there.includes(name), `the node has no ${name}`);
    },
  },
  {
    name: "each address that ADD answers is on the interface that it says",
    run: async (trial) => {
      const container = await trial.container();
      const result = await added(container);
      const { index } = podInterface(result, container);
      const link = await linkIn(container.namespace, container.interfaceName);
      const there = link?.addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`) ?? [];
      addressesOf(result);
      for (const { address, interface: at } of result.ips) {
        assert.equal(at, index, `${address} is said to be on interface ${at}`);
        assert(there.includes(address), `the container has ${there.join()}, not ${address}`);
      }
    },
  },
  {
    name: "an address says its family",
    until: "0.4.0",
    run: async (trial) => {
      const { ips } = await added(await trial.container());
      for (const { version, address } of ips) assert.equal(version, address.includes(":") ? "6" : "4");
    },
  },
  {
    name: "an address does not say its family any more",
    since: "1.0.0",
    run: async (trial) => {
      const { ips } = await added(await trial.container());
      for (const { version } of ips) assert.equal(version, undefined);
    },
  },
  {
    name: "an interface says its MTU",
    since: "1.1.0",
    run: async (trial) => {
      const container = await trial.container();
      const said = podInterface(await added(container), container);
      assert.equal(said.mtu, (await linkIn(container.namespace, container.interfaceName))?.mtu);
    },
  },
  {
    name: "an interface does not say its MTU before 1.1.0",
    until: "1.0.0",
    run: async (trial) => {
      const { interfaces } = await added(await trial.container());
      for (const { mtu } of interfaces) assert.equal(mtu, undefined);
    },
  },
  {
    name: "each route that ADD answers is in the container",
    run: async (trial) => {
      const container = await trial.container();
      const { routes = [] } = await added(container);
      for (const { dst, gw } of routes) {
        const family = dst.includes(":") ? "-6" : "-4";
        const found = await container.namespace.ip(`${family} route show ${dst}`);
        assert(found.includes(container.interfaceName) && (!gw || found.includes(gw)), `of ${dst}: ${found}`);
      }
    },
  },
  {
    name: "two containers reach each other",
    run: async (trial) => {
      const [one, other] = [await trial.container(), await trial.container()];
      const [target = ""] = addressesOf(await added(one));
      await added(other);
      await other.namespace.exec("ping", ["-n", "-c", "1", "-w", "10", target]);
    },
  },
  {
    name: "eight ADDs at once succeed, and give eight different addresses",
    run: async (trial) => {
      const containers = await Promise.all(Array.from({ length: 8 }, () => trial.container()));
      const results = await Promise.all(containers.map((container) => added(container)));
      const addresses = results.flatMap(addressesOf);
      assert.equal(new Set(addresses).size, addresses.length, addresses.join());
    },
  },
  {
    name: "ADD fails where the interface's name is taken, and leaves what has it",
    run: async (trial) => {
      const container = await trial.container();
      await container.namespace.ip(`link add ${container.interfaceName} type bridge`);
      const before = await linksIn(trial.host);
      failed(await container.call("ADD"));
      assert.match(await container.namespace.ip(`-d link show ${container.interfaceName}`), /bridge/);
      const left = (await linksIn(trial.host)).filter((name) => /^(veth|cali)/.test(name) && !before.includes(name));
      assert.deepEqual(left, [], "it leaves interfaces on the node");
    },
  },
  {
    name: "an ADD that comes twice fails, or answers the same",
    run: async (trial) => {
      const container = await trial.container();
      const first = await added(container);
      const second = await container.call("ADD");
      if (second.exitCode === 0) assert.deepEqual(JSON.parse(second.stdout), first);
      else failed(second);
      for (const address of addressesOf(first)) {
        const link = await linkIn(container.namespace, container.interfaceName);
        assert(
          link?.addr_info.some(({ local }) => local === address),
          `${address} is gone`,
        );
      }
    },
  },
  {
    name: "a container gets a second interface on the network, with addresses of its own",
    run: async (trial) => {
      const container = await trial.container();
      const second = await trial.container({ sharing: container, interfaceName: "net1" });
      const [first, other] = [addressesOf(await added(container)), addressesOf(await added(second))];
      assert(!first.some((address) => other.includes(address)), `${first.join()} and ${other.join()}`);
      assert.deepEqual(await linksIn(container.namespace), [container.interfaceName, "lo", "net1"].sort());
    },
  },
  {
    name: "a second interface leaves the first one's default route",
    run: async (trial) => {
      const container = await trial.container();
      const second = await trial.container({ sharing: container, interfaceName: "net1" });
      await added(container);
      const before = await container.namespace.ip("-4 route show default");
      await added(second);
      assert.equal((await container.namespace.ip("-4 route show default")).split("\n")[0], before.split("\n")[0]);
    },
  },
  {
    name: "an ADD after DEL succeeds again",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      succeeded(await container.call("DEL"));
      await added(container);
    },
  },
  {
    name: "ADD passes over other programs' arguments, in any script",
    run: async (trial) => {
      const container = await trial.container();
      succeeded(await container.call("ADD", { config: { args: { "example.org": { note: "\u00e9\u2713" } } } }));
    },
  },
];
