/** Others who filter packets on the same node: what policy says holds beside them, and theirs stays theirs. */
import { type Cluster, nothingDesired } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compare, desiredOf } from "./oracle.ts";
import { PolicyNode } from "./policyNode.ts";
import { listenPorts, plainEndpoints, randomCluster, randomPackets } from "./randomCase.ts";

const seed = Number(process.env.BRINDLE_SEED ?? Date.now() % 1_000_000);
const packetsOfEach = 150;

/** As Docker 28 leaves it: what it does not know of is dropped. */
const docker = `*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
:DOCKER-FORWARD - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER ! -i docker0 -o docker0 -j DROP
COMMIT
`;

/** As kube-proxy writes it, with a Service that nobody is behind, and as portmap does. */
const kubeProxy = `*filter
:KUBE-FORWARD - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-SERVICES
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-SERVICES -d 10.96.7.7/32 -p tcp -m comment --comment "default/nobody has no endpoints" -m tcp --dport 80 -j REJECT
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:CNI-HOSTPORT-DNAT - [0:0]
:CNI-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 18080 -j DNAT --to-destination 10.65.0.2:80
COMMIT
`;

/** As Red Hat's and Oracle's images come, and firewalld on iptables: whatever nobody has accepted is rejected. */
const firewall = `*filter
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -s 192.0.2.0/24 -j ACCEPT
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
COMMIT
`;

/** Of nf_tables itself, with what iptables has no word for. */
const native = `table inet firewall {
  set guests { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }
  chain forward { type filter hook forward priority 10; policy accept; ip saddr @guests counter drop; }
}
table ip filter {
  chain guests { type filter hook forward priority 5; policy accept; ip saddr { 192.0.2.7, 192.0.2.9 } counter drop; }
}
`;

describe.each(["nft", "legacy"] as const)(`beside others, backend %s, BRINDLE_SEED=${seed},`, (backend) => {
  let node: PolicyNode;
  beforeAll(async () => {
    node = await PolicyNode.create({ endpoints: plainEndpoints(), ports: listenPorts, backend });
  });
  afterAll(() => node?.[Symbol.asyncDispose]());

  async function holds(cluster: Cluster, index: number): Promise<void> {
    const { mismatches } = await compare(node, cluster, randomPackets(seed + index, packetsOfEach));
    expect(mismatches).toEqual([]);
  }

  /** What is not ours, without counters. */
  async function theirs(): Promise<string[]> {
    const saved = await node.namespace.exec(`iptables-${backend}-save`, []);
    return saved
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#") && !/brdl/i.test(line))
      .map((line) => line.replace(/ \[\d+:\d+\]$/, ""));
  }

  it("what policy says holds, and theirs stays theirs", async () => {
    await node.namespace.exec(`iptables-${backend}-restore`, ["--noflush"], { input: docker + kubeProxy + firewall });
    const before = await theirs();
    for (const index of [0, 1]) await holds(randomCluster(seed + index), index);
    expect(withoutTables(await theirs())).toEqual(withoutTables(before));

    await node.enforcer.resync();
    const { tableWrites } = node.enforcer.counters();
    await node.enforcer.resync();
    expect(node.enforcer.counters().tableWrites).toBe(tableWrites);
    await node.apply(nothingDesired);
    expect(withoutTables(await theirs())).toEqual(withoutTables(before));
  });

  it("what policy allows passes a firewall that comes later, and puts its end before ours", async () => {
    const cluster = randomCluster(seed);
    await node.namespace.exec(`iptables-${backend}`, ["-F", "FORWARD"]);
    await node.restartEnforcer();
    await node.apply(desiredOf(cluster));
    const reject = ["-m", "comment", "--comment", "the end", "-j", "REJECT"];
    await node.namespace.exec(`iptables-${backend}`, ["-I", "FORWARD", "2", ...reject]);
    await node.enforcer.resync();
    const targets = (await forwardRules()).map((line) => /-j (\S+)/.exec(line)?.[1]);
    expect(targets).toEqual(["BRDL-FORWARD", "BRDL-FORWARD-END", "REJECT"]);
    await holds(cluster, 0);
  });

  it("does not mind a table of nf_tables, nor touches it", async () => {
    await node.namespace.exec("nft", ["-f", "-"], { input: native });
    const listed = async (): Promise<string[]> => {
      const lists = ["table inet firewall", "chain ip filter guests"].map((what) =>
        node.namespace.exec("nft", [`list ${what}`]),
      );
      return (await Promise.all(lists)).map((text) => text.replaceAll(/packets \d+ bytes \d+/g, ""));
    };
    const before = await listed();
    for (const index of [0, 1]) await holds(randomCluster(seed + index), index);
    await node.enforcer.resync();
    await node.apply(nothingDesired);
    expect(await listed()).toEqual(before);
  });

  async function forwardRules(): Promise<string[]> {
    const rules = await node.namespace.exec(`iptables-${backend}`, ["-S", "FORWARD"]);
    return rules.split("\n").filter((line) => line.startsWith("-A"));
  }
});

/** Which tables and chains of the kernel there are is nobody's. */
function withoutTables(lines: readonly string[]): string[] {
  return lines.filter((line) => line.startsWith("-A") || /^:[A-Z]+-/.test(line));
}
