/** Specification, "CHECK": it has to notice what a pod cannot live without. */
import assert from "node:assert/strict";
import { added, failed, hostInterfaces, linksIn, silent } from "../expect.ts";
import { type Container, doesNotApply, type Result, type Rule, type Trial } from "../rule.ts";

interface Harm {
  readonly what: string;
  harm(container: Container, result: Result, trial: Trial): Promise<unknown>;
}

/** Between ADD and CHECK somebody does harm, and CHECK must say so. */
const harms: readonly Harm[] = [
  {
    what: "the interface is gone",
    harm: ({ namespace, interfaceName }) => namespace.ip(`link delete ${interfaceName}`),
  },
  {
    what: "the interface is down",
    harm: ({ namespace, interfaceName }) => namespace.ip(`link set ${interfaceName} down`),
  },
  {
    what: "an address is gone",
    harm: ({ namespace, interfaceName }, { ips }) =>
      namespace.ip(`address delete ${ips[0]?.address} dev ${interfaceName}`),
  },
  {
    what: "the routes that ADD answered are gone",
    harm: async ({ namespace }, { routes = [] }) => {
      const [route] = routes;
      assert(route, "it answers no route");
      await namespace.ip(`${route.dst.includes(":") ? "-6" : "-4"} route delete ${route.dst}`);
    },
  },
  {
    what: "the interface has another hardware address",
    harm: ({ namespace, interfaceName }) => namespace.ip(`link set ${interfaceName} address 02:00:00:00:00:99`),
  },
  {
    what: "the node's end is down",
    harm: async (_container, result, { host }) => {
      for (const name of hostInterfaces(result).filter(isPair)) await host.ip(`link set ${name} down`);
    },
  },
];

function isPair(name: string): boolean {
  return !/^cni/.test(name);
}

async function checkAfter(trial: Trial, { harm }: Harm): Promise<void> {
  const container = await trial.container();
  const prevResult = await added(container);
  await harm(container, prevResult, trial);
  failed(await container.call("CHECK", { config: { prevResult } }));
}

export const checkRules: readonly Rule[] = [
  {
    name: "CHECK is refused as a matter of the version (1)",
    until: "0.3.1",
    run: async (trial) => {
      const container = await trial.container();
      const prevResult = await added(container);
      failed(await container.call("CHECK", { config: { prevResult } }), [1]);
    },
  },
  {
    name: "CHECK says nothing right after ADD",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      const prevResult = await added(container);
      silent(await container.call("CHECK", { config: { prevResult } }));
    },
  },
  {
    name: "CHECK changes nothing",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      const prevResult = await added(container);
      const seen = async () => [
        await linksIn(trial.host),
        await container.namespace.ip("-j address show"),
        await container.namespace.ip("route show table all"),
      ];
      const before = await seen();
      silent(await container.call("CHECK", { config: { prevResult } }));
      assert.deepEqual(await seen(), before);
    },
  },
  {
    name: "CHECK without prevResult is refused",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      await added(container);
      failed(await container.call("CHECK"));
    },
  },
  {
    name: "CHECK without CNI_NETNS is an error of the environment (4)",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      const prevResult = await added(container);
      failed(await container.call("CHECK", { config: { prevResult }, variables: { CNI_NETNS: null } }), [4]);
    },
  },
  {
    name: "CHECK fails for a container that was deleted",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      const prevResult = await added(container);
      silent(await container.call("DEL"));
      failed(await container.call("CHECK", { config: { prevResult } }));
    },
  },
  ...harms.map(
    (harm): Rule => ({
      name: `CHECK fails when ${harm.what}`,
      since: "0.4.0",
      run: (trial) => checkAfter(trial, harm),
    }),
  ),
  {
    name: "CHECK fails when the node has lost its route to the container, or somebody has put it back",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      const prevResult = await added(container);
      const [name = ""] = hostInterfaces(prevResult).filter(isPair);
      const routes = async () => (await trial.host.ip(`-4 route show dev ${name}`)).trim();
      const before = await routes();
      // A bridge's route is of the network, and no container's.
      if (before === "") return doesNotApply;
      await trial.host.ip(`-4 route flush dev ${name}`);
      const outcome = await container.call("CHECK", { config: { prevResult } });
      if (outcome.exitCode === 0) assert.equal(await routes(), before, "it says nothing, and the route is missing");
      else failed(outcome);
      return undefined;
    },
  },
  {
    name: "CHECK fails when the result promises another address than there is",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      const result = await added(container);
      const ips = result.ips.map((ip, at) => (at === 0 ? { ...ip, address: otherAddress(ip.address) } : ip));
      failed(await container.call("CHECK", { config: { prevResult: { ...result, ips } } }));
    },
  },
  {
    name: "CHECK fails for a container that shows another's result",
    since: "0.4.0",
    run: async (trial) => {
      const [one, other] = [await trial.container(), await trial.container()];
      const prevResult = await added(one);
      await added(other);
      failed(await other.call("CHECK", { config: { prevResult } }));
    },
  },
  {
    name: "CHECK lets be what a later plugin adds: an address, a route, an interface",
    since: "0.4.0",
    run: async (trial) => {
      const container = await trial.container();
      const prevResult = await added(container);
      await container.namespace.ip("link add later type bridge");
      await container.namespace.ip("address add 198.51.100.9/24 dev later");
      await container.namespace.ip("link set later up");
      await container.namespace.ip("route add 203.0.113.0/24 dev later");
      silent(await container.call("CHECK", { config: { prevResult } }));
    },
  },
];

/** Of the same family and length, and not given to anyone. */
function otherAddress(address: string): string {
  const [, length] = address.split("/");
  return address.includes(":") ? `2001:db8:ffff::1/${length}` : `203.0.113.77/${length}`;
}
