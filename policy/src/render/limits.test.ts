import assert from "node:assert/strict";
import { describe, it } from "vitest";
import type { ChainRule } from "./ir.ts";
import { limitChains, type TrafficLimits } from "./limits.ts";
import { ruleText } from "./ruleArguments.ts";
import { renderFilter } from "./tables.ts";

const none: TrafficLimits = { packetsPerSecond: 0, packetBurst: 5, connections: 0 };

/** As `iptables` is told them, without comments. */
function told(rules: readonly ChainRule[]): string[] {
  return rules.map((rule) => ruleText(rule, 4, (name) => name));
}

function written(pods: Parameters<typeof limitChains>[0]): Record<string, string[]> {
  return Object.fromEntries(limitChains(pods).map(({ name, rules }) => [name, told(rules)]));
}

describe("limits of pods", () => {
  it("are no chains where nobody has any", () => {
    assert.deepEqual(limitChains([]), []);
    assert.deepEqual(limitChains([{ interfaceName: "cali1", limits: { Ingress: none, Egress: none } }]), []);
  });

  it("count packets first, then TCP connections that begin", () => {
    const Ingress = { packetsPerSecond: 100, packetBurst: 7, connections: 2 };
    assert.deepEqual(written([{ interfaceName: "cali1", limits: { Ingress, Egress: none } }]), {
      "BRDL-LIMITS": ["-o cali1 -j BRDL-lpi-cali1"],
      "BRDL-lpi-cali1": ["-m limit --limit 100/sec --limit-burst 7 -g BRDL-lci-cali1", "-j DROP"],
      "BRDL-lci-cali1": [
        "-p 6 -m conntrack --ctstate NEW -m connlimit --connlimit-above 2 --connlimit-mask 0 --connlimit-saddr -j REJECT --reject-with tcp-reset",
      ],
    });
  });

  it("are of either direction, and of one thing alone", () => {
    const limits = {
      Ingress: { ...none, connections: 3 },
      Egress: { ...none, packetsPerSecond: 20_000, packetBurst: 0 },
    };
    const chains = written([{ interfaceName: "cali1", limits }]);
    assert.deepEqual(chains["BRDL-LIMITS"], ["-i cali1 -j BRDL-lpe-cali1", "-o cali1 -j BRDL-lci-cali1"]);
    assert.deepEqual(chains["BRDL-lpe-cali1"], ["-m limit --limit 10000/sec --limit-burst 1 -j RETURN", "-j DROP"]);
  });

  it("are of the nearest number of packets that the kernel can count", () => {
    /** What libxt_limit makes of it. */
    const counted = (asked: number): number => {
      const Ingress = { ...none, packetsPerSecond: asked };
      const { "BRDL-lpi-cali1": [rule = ""] = [] } = written([
        { interfaceName: "cali1", limits: { Ingress, Egress: none } },
      ]);
      return 10_000 / Math.floor(10_000 / Number(/--limit (\d+)\/sec/.exec(rule)?.[1]));
    };
    assert.deepEqual([6000, 8000, 3400, 4100, 1234].map(counted).map(Math.round), [5000, 10_000, 3333, 3333, 1250]);
    for (let asked = 1; asked <= 10_000; asked += 7) {
      const units = 10_000 / asked;
      const [faster, slower] = [10_000 / Math.floor(units), 10_000 / Math.ceil(units)];
      const best = Math.min(faster - asked, asked - slower);
      assert(Math.abs(counted(asked) - asked) <= Math.max(best + 1, asked / 100), `${asked}: ${counted(asked)}`);
    }
  });

  it("are met before anything else, of what is for the node as well", () => {
    const limits = limitChains([
      { interfaceName: "cali1", limits: { Ingress: none, Egress: { ...none, connections: 1 } } },
    ]);
    const { chains } = renderFilter({ family: 4, dispatches: [], decisions: [], endpointToHostAction: "Drop", limits });
    for (const name of ["BRDL-FORWARD", "BRDL-INPUT"])
      assert.equal(told(chains.find((chain) => chain.name === name)?.rules ?? [])[0], "-j BRDL-LIMITS");
  });
});
