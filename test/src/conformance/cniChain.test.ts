/** Our plugin at the head of a list, with Debian's `tuning`, `portmap` and `bandwidth` behind it, run as a runtime runs a list. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { copyFile, symlink } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, it } from "vitest";
import { resource, type Stand, startStand } from "../agent/stand.ts";
import { field, list, text } from "../fixtures/json.ts";
import { createNamespace, type Namespace } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Machine } from "../lab/topology/machine.ts";

type Json = Readonly<Record<string, unknown>>;
type Command = "ADD" | "DEL" | "CHECK";

const executable = fileURLToPath(new URL("../../../cni/shim/build/brindle", import.meta.url));
const nodeAddress = "172.30.1.11";

let stand: Stand;
let node: Machine;
/** Ours, under its own name and Calico's, and Debian's beside it: as a node's /opt/cni/bin. */
let folder: string;

beforeAll(async () => {
  stand = await startStand();
  node = stand.fabric.machine("node1");
  // Where no Kubernetes has namespaces, a network's own pods alone reach each other.
  const everybody = [{ action: "Allow" }];
  await stand.apply(
    resource("GlobalNetworkPolicy", "open", { selector: "all()", ingress: everybody, egress: everybody }),
  );
  folder = await stand.instance.createDirectory("cni-bin");
  for (const name of ["brindle", "calico"]) await copyFile(executable, `${folder}/${name}`);
  for (const name of ["tuning", "portmap", "bandwidth"]) await symlink(`/usr/lib/cni/${name}`, `${folder}/${name}`);
});

afterAll(async () => stand?.[Symbol.asyncDispose]());

interface NetworkList {
  readonly cniVersion: string;
  readonly name: string;
  readonly plugins: readonly (Json & { readonly type: string })[];
}

interface Container extends AsyncDisposable {
  readonly namespace: Namespace;
  /** Runs the command for each plugin, DEL in reverse; answers what the last one printed. */
  run(command: Command): Promise<unknown>;
}

/** A runtime hands each plugin what the one before it answered, and of its own arguments what the plugin can do with. */
async function createContainer(network: NetworkList, runtimeArguments: Json = {}): Promise<Container> {
  const id = randomBytes(32).toString("hex");
  const namespace = await createNamespace(`chain-${id.slice(0, 6)}`, { instance: stand.instance });
  const { cniVersion, name } = network;
  let answered: unknown;
  const execute = async (command: Command, plugin: NetworkList["plugins"][number]): Promise<string> => {
    const { capabilities = {}, ...config } = plugin;
    const wanted = Object.entries(runtimeArguments).filter(([capability]) => field(capabilities, capability) === true);
    const runtimeConfig = wanted.length > 0 ? { runtimeConfig: Object.fromEntries(wanted) } : {};
    const prevResult = answered === undefined ? {} : { prevResult: answered };
    const env = {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: namespace.path,
      CNI_IFNAME: "eth0",
      CNI_PATH: folder,
    };
    const input = JSON.stringify({ cniVersion, name, ...config, ...runtimeConfig, ...prevResult });
    return node.exec(`${folder}/${plugin.type}`, [], { env, input });
  };
  const run = async (command: Command): Promise<unknown> => {
    if (command === "ADD") answered = undefined;
    for (const plugin of command === "DEL" ? network.plugins.toReversed() : network.plugins) {
      // That of Debian 12 looks for the rules of IPv4 among those of IPv6, and never finds them.
      if (command === "CHECK" && plugin.type === "portmap") continue;
      const printed = await execute(command, plugin);
      if (command === "ADD") answered = JSON.parse(printed);
    }
    return answered;
  };
  const dispose = async (): Promise<void> => {
    await run("DEL");
    await namespace[Symbol.asyncDispose]();
  };
  return { namespace, run, [Symbol.asyncDispose]: dispose };
}

const ours = { type: "brindle", ipam: { type: "brindle-ipam", assign_ipv4: "auto", assign_ipv6: "auto" } };

async function serve(namespace: Namespace): Promise<void> {
  const script =
    "require('node:net').createServer((s) => s.end('hello')).listen(80, '0.0.0.0', () => console.log('up'))";
  const server = namespace.spawn(process.execPath, ["-e", script]);
  await waitFor(() => server.output().includes("up"), { what: "the server listens" });
}

/** Of the node, each with all that `ip` says of it. */
async function links(): Promise<string[]> {
  return list(JSON.parse(await node.exec("ip", ["-j", "link"]))).map((link) => JSON.stringify(link));
}

describe("a list of ours, tuning, portmap and bandwidth", () => {
  for (const cniVersion of ["0.4.0", "1.0.0"]) {
    it(`works in version ${cniVersion}: each does its part, CHECK agrees, and DEL leaves nothing`, async () => {
      const before = new Set(await links());
      const network = {
        cniVersion,
        name: "k8s-pod-network",
        plugins: [
          ours,
          { type: "tuning", sysctl: { "net.ipv4.conf.eth0.log_martians": "1" }, mtu: 1400 },
          { type: "portmap", capabilities: { portMappings: true } },
          { type: "bandwidth", ingressRate: 80_000_000, ingressBurst: 800_000 },
        ],
      };
      const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: "tcp" }];
      await using container = await createContainer(network, { portMappings });
      const result = await container.run("ADD");
      await serve(container.namespace);

      assert.match(await container.namespace.ip("link show eth0"), /mtu 1400/);
      const martians = await container.namespace.exec("cat", ["/proc/sys/net/ipv4/conf/eth0/log_martians"]);
      assert.equal(martians.trim(), "1");
      const hostInterface = text(field(result, "interfaces", 0, "name"));
      assert.match(await node.exec("tc", ["qdisc", "show", "dev", hostInterface]), /tbf .*rate 80Mbit/);
      const greeting = await stand.fabric
        .machine("tor")
        .exec("bash", ["--norc", "-c", `exec 3<>/dev/tcp/${nodeAddress}/8080; timeout 5 cat <&3`]);
      assert.equal(greeting, "hello");
      await container.run("CHECK");

      await container.run("DEL");
      // A DEL is answered once a link is down, before the kernel has taken it.
      const isAsBefore = async () => (await links()).every((link) => before.has(link));
      await waitFor(isAsBefore, { what: "the node has no link that it had not" });
      assert.doesNotMatch(await node.exec("iptables-save", ["-t", "nat"]), /dport 8080/);
    });
  }
});

describe("a list with capabilities of ours", () => {
  const network = {
    cniVersion: "1.0.0",
    name: "k8s-pod-network",
    plugins: [{ ...ours, capabilities: { ips: true, mac: true } }],
  };

  it("gives the addresses and the hardware address that a runtime asks for, and CHECK agrees", async () => {
    const asked = { ips: ["10.244.9.9/24", "fd00:244::99"], mac: "02:00:00:00:00:99" };
    await using container = await createContainer(network, asked);
    const result = await container.run("ADD");
    const addresses = list(field(result, "ips")).map((ip) => text(field(ip, "address")));
    assert.deepEqual(addresses, ["10.244.9.9/32", "fd00:244::99/128"]);
    assert.match(await container.namespace.ip("link show eth0"), /02:00:00:00:00:99/);
    await container.run("CHECK");
    // Known to the node from the first packet on.
    await node.exec("ping", ["-n", "-c", "1", "-W", "10", "10.244.9.9"]);
    await using second = await createContainer(network, { ips: ["10.244.9.9"] });
    await assert.rejects(second.run("ADD"), /the address 10\.244\.9\.9 cannot be given/);
  });
});

/** What is for a pod of IPv4: the set that has its end, and the chain which that leads to. */
async function wayTo(interfaceName: string): Promise<{ chain: string; set: string; end: string }> {
  const member = new RegExp(`^add (brdl4t_\\S+) (\\S+,${interfaceName})$`, "m");
  const [, set = "", end = ""] = member.exec(await node.exec("ipset", ["save"])) ?? [];
  const rule = new RegExp(`--match-set ${set} dst,dst .*-g (\\S+)`);
  const [, chain = ""] = rule.exec(await node.exec("iptables-save", ["-t", "filter"])) ?? [];
  return { chain, set, end };
}

describe("with a real agent", () => {
  const network = { cniVersion: "1.1.0", name: "k8s-pod-network", plugins: [ours] };

  it("CHECK notices what somebody took away of the way to the pod, and it comes back", async () => {
    await using container = await createContainer(network);
    const result = await container.run("ADD");
    await container.run("CHECK");
    const { chain, set, end } = await wayTo(text(field(result, "interfaces", 0, "name")));
    const isRepaired = () =>
      container.run("CHECK").then(
        () => true,
        () => false,
      );
    const thefts = [
      { command: ["iptables", "-F", chain], says: `the chain ${chain} of IPv4 \\(filter\\) is not as it should be` },
      { command: ["ipset", "del", set, end], says: `the set ${set} is not as it should be` },
    ];
    for (const { command, says } of thefts) {
      const [program = "", ...args] = command;
      await node.exec(program, args);
      await assert.rejects(container.run("CHECK"), new RegExp(says));
      await waitFor(isRepaired, { what: "it is as it should be", deadlineMs: 30_000 });
    }
  });

  it("STATUS says 50 while etcd is away, and nothing once it is back", async () => {
    const status = async (): Promise<number> => {
      const env = { CNI_COMMAND: "STATUS", CNI_PATH: folder };
      const input = JSON.stringify({ cniVersion: "1.1.0", name: "k8s-pod-network", ...ours });
      const { exitCode, stdout } = await node.run(`${folder}/brindle`, [], { env, input });
      return exitCode === 0 ? 0 : JSON.parse(stdout).code;
    };
    assert.equal(await status(), 0);
    {
      await stand.etcd.stop();
      await using undo = new AsyncDisposableStack();
      undo.defer(() => stand.etcd.start());
      await waitFor(async () => (await status()) === 50, { what: "STATUS says 50", deadlineMs: 30_000 });
    }
    await waitFor(async () => (await status()) === 0, { what: "STATUS says nothing", deadlineMs: 30_000 });
  });
});

describe("a list that was written for Calico", () => {
  it("works with our executable under its name", async () => {
    const network = {
      cniVersion: "0.3.1",
      name: "k8s-pod-network",
      plugins: [
        {
          type: "calico",
          log_level: "info",
          datastore_type: "kubernetes",
          nodename: "node1",
          mtu: 1440,
          ipam: { type: "calico-ipam" },
          policy: { type: "k8s" },
          kubernetes: { kubeconfig: "/etc/cni/net.d/calico-kubeconfig" },
        },
        { type: "portmap", snat: true, capabilities: { portMappings: true } },
      ],
    };
    await using container = await createContainer(network);
    const result = await container.run("ADD");
    assert.match(text(field(result, "ips", 0, "address")), /^10\.244\.\d+\.\d+\/32$/);
    assert.equal(field(result, "ips", 0, "version"), "4");
    assert.match(await container.namespace.ip("link show eth0"), /mtu 1440/);
  });
});
