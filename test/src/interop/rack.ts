/** One router and one node on a link of both families, and how they know each other. */
import type { SpeakerConfig } from "@brindle/bgp";
import { createNamespace, linkNamespaces, type Namespace } from "../fixtures/namespace.ts";
import { birdConfig, startBird } from "../fixtures/routers/bird.ts";
import { frrConfig, startFrr } from "../fixtures/routers/frr.ts";
import { goBgpConfig, startGoBgp } from "../fixtures/routers/gobgp.ts";
import { openBgpdConfig, startOpenBgpd } from "../fixtures/routers/openbgpd.ts";
import type { Router, RouterOptions, RouterSpec } from "../fixtures/routers/router.ts";
import { openPeer } from "./speaker.ts";

export const routerAddress = "172.30.1.1";
export const nodeAddress = "172.30.1.11";

export const routerSpec: RouterSpec = {
  name: "tor",
  asn: 65001,
  routerId: routerAddress,
  announces: ["172.30.1.0/24", "fd00:30:1::/64"],
  podRanges: ["10.244.0.0/16", "fd00:244::/48"],
  neighbors: [
    {
      name: "node1",
      address: nodeAddress,
      localAddress: routerAddress,
      asn: 64512,
      role: "node",
      families: ["ipv4", "ipv6"],
    },
  ],
};

const routerSpecOverV6: RouterSpec = {
  ...routerSpec,
  neighbors: routerSpec.neighbors.map((neighbor) => {
    return { ...neighbor, address: "fd00:30:1::11", localAddress: "fd00:30:1::1" };
  }),
};

export interface Counterpart {
  readonly name: string;
  readonly start: (options: RouterOptions) => Promise<Router>;
  readonly config: string;
  /** The same over IPv6. */
  readonly configOverV6: string;
  /** The same, but it waits for the node to dial. */
  readonly passiveConfig: string;
  /** What it announces of `routerSpec.announces` without further configuration. */
  readonly announces: readonly string[];
}

export const counterparts: readonly Counterpart[] = [
  {
    name: "BIRD",
    start: startBird,
    config: birdConfig(routerSpec),
    configOverV6: birdConfig(routerSpecOverV6),
    passiveConfig: birdConfig(routerSpec).replace(`neighbor ${nodeAddress}`, `passive on;\n  neighbor ${nodeAddress}`),
    announces: routerSpec.announces,
  },
  {
    name: "FRR",
    start: startFrr,
    config: frrConfig(routerSpec),
    configOverV6: frrConfig(routerSpecOverV6),
    passiveConfig: frrConfig(routerSpec).replace(/( neighbor \S+) timers connect 3/, "$& \n$1 passive"),
    announces: routerSpec.announces,
  },
  {
    name: "GoBGP",
    start: startGoBgp,
    config: goBgpConfig(routerSpec),
    configOverV6: goBgpConfig(routerSpecOverV6),
    passiveConfig: goBgpConfig(routerSpec).replace("[neighbors.transport.config]", "$&\n    passive-mode = true"),
    announces: [],
  },
  {
    name: "OpenBGPD",
    start: startOpenBgpd,
    config: openBgpdConfig(routerSpec),
    configOverV6: openBgpdConfig(routerSpecOverV6),
    passiveConfig: openBgpdConfig(routerSpec).replace(/\tdescr "node1"/, "$&\n\tpassive"),
    // Over an IPv4 session, OpenBGPD 7.7 names ::1 as the next hop of its IPv6 networks, which nobody can use.
    announces: ["172.30.1.0/24"],
  },
];

export interface Rack extends AsyncDisposable {
  readonly router: Namespace;
  readonly node: Namespace;
}

export async function createRack(label: string): Promise<Rack> {
  const stack = new AsyncDisposableStack();
  const router = stack.use(await createNamespace(`r-${label}`));
  const node = stack.use(await createNamespace(`n-${label}`));
  await linkNamespaces(
    { namespace: router, name: "rack", addresses: [`${routerAddress}/24`, "fd00:30:1::1/64"] },
    { namespace: node, name: "eth0", addresses: [`${nodeAddress}/24`, "fd00:30:1::11/64"] },
  );
  return { router, node, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

export function nodeConfigOverV6(): SpeakerConfig {
  const config = nodeConfig();
  const addresses = { address: "fd00:30:1::1", localAddress: "fd00:30:1::11" };
  const listen = [{ address: "fd00:30:1::11", port: 179 }];
  return { ...config, listen, peers: config.peers.map((peer) => ({ ...peer, ...addresses })) };
}

/** The node's speaker, whose peer `tor` is the router. */
export function nodeConfig(parts: { readonly passive?: boolean } & Partial<SpeakerConfig> = {}): SpeakerConfig {
  const { passive = false, ...rest } = parts;
  const nextHop = { 4: nodeAddress, 6: "fd00:30:1::11" };
  const tor = openPeer({
    name: "tor",
    address: routerAddress,
    asn: 65001,
    localAddress: nodeAddress,
    passive,
    nextHop,
  });
  return {
    asn: 64512,
    bgpId: nodeAddress,
    listen: [{ address: nodeAddress, port: 179 }],
    gracefulRestart: { restartSeconds: 120, forwardingKept: true },
    peers: [tor],
    ...rest,
  };
}
