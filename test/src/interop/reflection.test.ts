/**
 * The cells of the matrix that take an AS of several routers: route reflection both ways, and several paths of a prefix.
 * One of our speakers and the router are reflectors and each other's peers; each has a client of its own, so that what
 * the one client says reaches the other over both.
 */
import type { PeerConfig, SpeakerConfig } from "@brindle/bgp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import { createRack, type Rack, routerAddress } from "./rack.ts";
import {
  asn,
  type Cell,
  cells,
  ourClient,
  prefixes,
  reflectingSubjects,
  reflector,
  theirClient,
} from "./reflectors.ts";
import { NodeSpeaker, openPeer } from "./speaker.ts";
import type { Running } from "./subjects.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());

function speakerAt(address: string, peers: readonly PeerConfig[]): SpeakerConfig {
  return { asn, bgpId: address, listen: [{ address, port: 179 }], peers };
}

function peerAt(name: string, address: string, from: string, parts: Partial<PeerConfig> = {}): PeerConfig {
  return openPeer({ name, address, asn, localAddress: from, families: [4], connectRetrySeconds: 1, ...parts });
}

const ourReflector = speakerAt(reflector, [
  peerAt("tor", routerAddress, reflector, {
    routeReflectorClient: true,
    addPath: { send: true, receive: true },
  }),
  peerAt("client", ourClient, reflector, { routeReflectorClient: true, passive: true }),
]);

describe.each(reflectingSubjects)("$name", (subject) => {
  const stack = new AsyncDisposableStack();
  let rack: Rack;
  let speakers: Record<"reflector" | "ourClient" | "theirClient", NodeSpeaker>;
  let router: Running;

  beforeAll(async () => {
    rack = stack.use(await createRack(`rr-${subject.name.toLowerCase()}`));
    for (const address of [theirClient, ourClient])
      await rack.node.exec("ip", ["address", "add", `${address}/24`, "dev", "eth0"]);
    router = stack.use(await subject.start(rack.router));
    const start = async (config: SpeakerConfig): Promise<NodeSpeaker> =>
      stack.use(await NodeSpeaker.start(rack.node, config, { in: "mainThread" }));
    const [first, second, third] = await Promise.all([
      start(ourReflector),
      start(speakerAt(ourClient, [peerAt("reflector", reflector, ourClient)])),
      start(speakerAt(theirClient, [peerAt("tor", routerAddress, theirClient)])),
    ]);
    speakers = { reflector: first, ourClient: second, theirClient: third };
    await first.originate(prefixes.bothOfOurs);
    await second.originate(prefixes.ourClient, prefixes.bothOfOurs);
    await third.originate(prefixes.theirClient, prefixes.bothOfTheirs);
    await Promise.all([first.established("tor"), first.established("client")]);
  });
  afterAll(() => stack.disposeAsync());

  const proofs: Record<Cell, () => Promise<unknown>> = {
    "route reflection, we being the reflector (RFC 4456)": () => says(subject.reflected),
    "route reflection, it being the reflector (RFC 4456)": async () => {
      await learns(speakers.theirClient, prefixes.ourClient, ["tor"]);
      await learns(speakers.reflector, prefixes.theirClient, ["tor"]);
      await learns(speakers.ourClient, prefixes.theirClient, ["reflector"]);
    },
    "several paths from us (RFC 7911)": () => says(subject.paths),
    "several paths from it (RFC 7911)": () => learns(speakers.reflector, prefixes.bothOfTheirs, ["tor", "tor"]),
  };
  for (const cell of cells) {
    const reason = subject.missing[cell];
    if (reason === undefined) it(`and we have ${cell}`, proofs[cell]);
    else
      it(`cannot do: ${cell}, in version ${subject.version}: ${reason}`, async () => {
        expect(await router.version()).toContain(subject.version);
      });
  }

  function says(pattern: RegExp): Promise<unknown> {
    return waitFor(
      async (saw) => {
        const told = await router.tell();
        saw(told.slice(-40_000));
        return pattern.test(told);
      },
      { what: `${subject.name} says ${pattern}` },
    );
  }
});

/** By next hops of their own, where there are several. */
async function learns(speaker: NodeSpeaker, prefix: string, from: readonly string[]): Promise<void> {
  await waitFor(
    async (saw) => {
      const routes = await speaker.routes({ prefix });
      saw(routes);
      const learned = routes.filter((route) => from.includes(route.from));
      return learned.length === from.length && new Set(learned.map(({ nextHop }) => nextHop)).size === from.length;
    },
    { what: `${prefix} is learned from ${from.join(" and ")}` },
  );
}
