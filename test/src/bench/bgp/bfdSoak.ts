/**
 * `npm run soak -- bfd`: a path to BIRD that BFD watches at 50 ms × 3, and meanwhile, round after round, a table that one
 * peer sends, ten hear, and that is lost again, in the same process. Neither end of the path may notice.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PeerStatus } from "@brindle/bgp";
import { type Instance, openInstance } from "../../fixtures/instance.ts";
import { createNamespace, linkNamespaces } from "../../fixtures/namespace.ts";
import { startBird } from "../../fixtures/routers/bird.ts";
import type { Router } from "../../fixtures/routers/router.ts";
import { waitFor } from "../../fixtures/waitFor.ts";
import type { OpenSoak, Soak } from "../../soak/soak.ts";
import { addAddresses, makeNeighbours, openAll, untilSilent } from "./arena.ts";
import { BenchProcess } from "./benchProcess.ts";
import { makeFeed } from "./feed.ts";
import type { PeerCalls } from "./peersProcess.ts";
import type { SpeakerCalls } from "./speakerProcess.ts";
import { birdPid, type Neighbour, ourConfig, subjectAddress, subjectAsn } from "./subject.ts";

const count = Number(process.env.BENCH_PREFIXES ?? 1_000_000);
const [feeder] = makeNeighbours("f", 1, { hears: false }) as [Neighbour];
const sinks = makeNeighbours("s", 10).map((sink, i) => ({ ...sink, asn: 65_101 + i }));
const sinkNames = sinks.map(({ name }) => name);
const watched: Neighbour = { name: "bird", address: "10.99.3.1", asn: 65_090, holdSeconds: 9, hears: false };
const deadlineMs = 300_000;
const bfd = { minTxMs: 50, minRxMs: 50, multiplier: 3 };

const birdConfig = `router id ${watched.address};
log stderr { error, fatal, bug };
protocol device {}
protocol bfd { interface "*" { min rx interval 50 ms; min tx interval 50 ms; multiplier 3; }; }
protocol bgp subject {
  local ${watched.address} as ${watched.asn};
  neighbor ${subjectAddress} as ${subjectAsn};
  direct; bfd on;
  hold time ${watched.holdSeconds}; connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 { import all; export none; };
}
`;

export const bfdSoak: Soak = {
  name: "bfd",
  what: `BFD at 50 ms x 3 stays up with BIRD while ${count.toLocaleString("en")} routes load and go to ten peers`,
  open: async () => Stand.open(await openInstance()),
};

class Stand implements OpenSoak {
  readonly #stack: AsyncDisposableStack;
  readonly #feed: string;
  readonly #subject: BenchProcess<SpeakerCalls>;
  readonly #feeders: BenchProcess<PeerCalls>;
  readonly #sinks: BenchProcess<PeerCalls>;
  readonly #bird: Router;

  private constructor(parts: {
    stack: AsyncDisposableStack;
    feed: string;
    subject: BenchProcess<SpeakerCalls>;
    feeders: BenchProcess<PeerCalls>;
    sinks: BenchProcess<PeerCalls>;
    bird: Router;
  }) {
    this.#stack = parts.stack;
    this.#feed = parts.feed;
    this.#subject = parts.subject;
    this.#feeders = parts.feeders;
    this.#sinks = parts.sinks;
    this.#bird = parts.bird;
  }

  static async open(instance: Instance): Promise<Stand> {
    const stack = new AsyncDisposableStack();
    stack.use(instance);
    const router = stack.use(await createNamespace("router", { instance }));
    const outside = stack.use(await createNamespace("peers", { instance }));
    await linkNamespaces(
      { namespace: router, name: "eth0", addresses: [`${subjectAddress}/16`] },
      { namespace: outside, name: "eth0" },
    );
    await addAddresses(outside, [feeder, watched, ...sinks], instance);
    const folder = await instance.createDirectory("bfd-soak");
    const { peers, ...rest } = ourConfig([feeder, watched, ...sinks]);
    const config = { ...rest, peers: peers.map((peer) => (peer.name === watched.name ? { ...peer, bfd } : peer)) };
    await writeFile(join(folder, "speaker.json"), JSON.stringify(config));
    const subject = stack.use(
      await BenchProcess.start<SpeakerCalls>(router, "speakerProcess.ts", { args: [join(folder, "speaker.json")] }),
    );
    const feeders = stack.use(await BenchProcess.start<PeerCalls>(outside, "peersProcess.ts"));
    const sinksProcess = stack.use(await BenchProcess.start<PeerCalls>(outside, "peersProcess.ts"));
    const bird = stack.use(await startBird({ namespace: outside, config: birdConfig, instance }));
    // Whether BIRD is on time is not the subject, however busy the machine is: all its threads come first (SCHED_FIFO).
    await outside.exec("chrt", ["--all-tasks", "--fifo", "--pid", "1", String(await birdPid(bird.configFile))]);
    await openAll(sinksProcess, sinks);
    const stand = new Stand({ stack, feed: join(folder, "feed"), subject, feeders, sinks: sinksProcess, bird });
    await stand.#settled();
    return stand;
  }

  async round(seed: number): Promise<Readonly<Record<string, number>>> {
    const before = await this.#path();
    const { bytes } = makeFeed({ prefixes: count, seed, asn: feeder.asn, nextHop: feeder.address });
    await writeFile(this.#feed, bytes);
    await openAll(this.#feeders, [feeder]);
    await this.#feeders.call("send", feeder.name, this.#feed);
    await this.#holds(count);
    await waitFor(async () => (await this.#heard()).every((each) => each === count), {
      what: `ten peers have heard ${count} routes`,
      deadlineMs,
      intervalMs: 1_000,
    });
    await this.#feeders.call("close", [feeder.name]);
    await this.#holds(0);
    await untilSilent(this.#sinks, sinkNames);
    await this.#sinks.call("forget", sinkNames);
    assert.deepEqual(await this.#path(), before, "somebody noticed");
    return { routes: count };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  async #holds(routes: number): Promise<void> {
    await waitFor(async () => (await this.#subject.call("accepted")) === routes, {
      what: `the speaker holds ${routes} routes`,
      deadlineMs,
      intervalMs: 100,
    });
  }

  async #heard(): Promise<number[]> {
    return (await this.#sinks.call("heard", sinkNames)).map(({ announced }) => announced);
  }

  /** What both ends say of the path and the session, but for what passes. */
  async #path(): Promise<{ readonly ours: object; readonly birds: string | undefined }> {
    const { phase, flaps, sinceMs, lastFailure, bfd: path } = await this.#peer();
    const birds = /\sUp\s+(\S+)/.exec(await this.#bird.show("show bfd sessions"))?.[1];
    const said = lastFailure?.text;
    return { ours: { phase, flaps, said, sinceMs, path: path?.state, pathSinceMs: path?.sinceMs }, birds };
  }

  async #peer(): Promise<PeerStatus> {
    const peer = await this.#subject.call("peer", watched.name);
    assert(peer);
    return peer;
  }

  async #settled(): Promise<void> {
    await waitFor(
      async (saw) => {
        const { phase, bfd: path } = await this.#peer();
        saw({ phase, path });
        return phase === "established" && path?.state === "up" && path.detectionMs === 150;
      },
      { what: "the session with BIRD and its path are up", deadlineMs: 30_000 },
    );
  }
}
