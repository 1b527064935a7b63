/** What an agent tells of flows that policy denies, what it counts, and how it ends those that were open. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { DeniedFlow, DeniedFlowLine, PolicyHit } from "@brindle/api";
import { openFlowSocket, streamControl } from "@brindle/net/shell";
import { endedFlowMark } from "@brindle/policy";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namespaceNamed } from "../fixtures/namespace.ts";
import { waitFor } from "../fixtures/waitFor.ts";
import type { Pod } from "../lab/runtime.ts";
import { connectCommand, startServer } from "../lab/tour/pods.ts";
import { established, resource, type Stand, sees, startStand } from "./stand.ts";

const talker = fileURLToPath(new URL("talker.ts", import.meta.url));
const inDefault = { namespace: "default" };
const ofServer = { selector: "app == 'server'", types: ["Ingress"] };
const denyClient = { action: "Deny", source: { selector: "app == 'client'" } };

/** Many more than are told in the time that they take. */
const floodPackets = 20_000;
const flood = `
  const socket = require("node:dgram").createSocket("udp4");
  const [, address, count] = process.argv;
  let [sent, left] = [0, Number(count)];
  const more = () => {
    if (left-- === 0) return console.log(sent), socket.close();
    socket.send("x", 9, address, (error) => { if (!error) sent++; if (left % 100) more(); else setImmediate(more); });
  };
  more();
`;

/** What a process has used of processors: utime and stime of proc(5), which count hundredths of a second. */
async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13)
    .map(Number);
  return (user + system) * 10;
}

/** A process that talks, in a namespace. */
class Talker {
  readonly #child: ChildProcessWithoutNullStreams;
  #heard = "";

  constructor({ path }: { readonly path: string }, args: readonly string[]) {
    this.#child = spawn("nsenter", [`--net=${path}`, "--", process.execPath, talker, ...args]);
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#heard += text;
    });
    this.#child.stdin.on("error", () => {});
  }

  get heard(): string {
    return this.#heard;
  }

  say(line: string): void {
    this.#child.stdin.write(`${line}\n`);
  }

  async hears(text: string): Promise<void> {
    const what = `"${text}" is heard`;
    await waitFor(() => this.#heard.split("\n").includes(text), { what, deadlineMs: 30_000, intervalMs: 10 });
  }

  end(): void {
    this.#child.kill("SIGKILL");
  }
}

/** Until the signal: what node1 tells of denied flows. */
async function readDenied(stand: Stand, signal: AbortSignal, onLine: (line: DeniedFlowLine) => void): Promise<void> {
  const socket = stand.fabric.machine("node1").outside("/run/brindle/agent.sock");
  const lines = streamControl(socket, "flows.denied", {}, { timeoutMs: 10_000, signal });
  for await (const line of lines as AsyncIterable<DeniedFlowLine>) onLine(line);
}

describe("flows and policy on a node", () => {
  let stand: Stand;
  let client: Pod;
  let server: Pod;

  beforeAll(async () => {
    stand = await startStand();
    await established(stand, "node1");
    client = await stand.runtime.add({ name: "client", node: "node1", labels: { app: "client" } });
    server = await stand.runtime.add({ name: "server", node: "node1", labels: { app: "server" } });
    await startServer(server);
  });
  afterAll(() => stand[Symbol.asyncDispose]());

  const policy = (...ingress: object[]): Promise<void> =>
    stand.apply(resource("NetworkPolicy", "server", { ...ofServer, ingress }, inDefault));
  const settings = (spec: object): Promise<void> =>
    stand.apply({
      apiVersion: "brindle.network/v1alpha1",
      kind: "AgentConfiguration",
      metadata: { name: "default" },
      spec: { policy: spec },
    });
  const greeted = async (from: Pod, to: Pod): Promise<readonly string[]> => {
    const place = namespaceNamed(from.namespace);
    const all = to.addresses.map(async (address) => {
      const { stdout } = await place.run("bash", ["--norc", "-c", connectCommand(address)]);
      return stdout.startsWith("hello from") ? [address] : [];
    });
    return (await Promise.all(all)).flat();
  };
  const hits = async (): Promise<readonly PolicyHit[]> =>
    (await stand.call("node1", "policy.hits", { all: true })) as readonly PolicyHit[];
  const hitsOf = async (rule: number): Promise<number> =>
    (await hits()).find((hit) => hit.name === "server" && hit.rule === rule)?.hits ?? -1;

  /** Of flows that were ended. */
  const dropped = async (): Promise<number> => {
    const node = stand.fabric.machine("node1");
    const saves = await Promise.all(
      ["iptables", "ip6tables"].map((command) => node.exec(`${command}-save`, ["-c", "-t", "filter"])),
    );
    const counts = saves.join("\n").matchAll(/^\[(\d+):\d+\] -A BRDL-(?:FORWARD|INPUT) .*come to deny the flow/gm);
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  };

  it("are told with the pods, the policy and the rule, while they are denied", async () => {
    await policy({ action: "Allow", protocol: "UDP" }, denyClient, { action: "Allow" });
    await sees("where the server greets", () => greeted(client, server), []);
    const ending = new AbortController();
    const told: DeniedFlow[] = [];
    const reading = readDenied(stand, ending.signal, (line) => {
      if ("flow" in line) told.push(line.flow);
    });
    await waitFor(
      async (saw) => {
        await greeted(client, server);
        saw(told);
        return server.addresses.every((address) => told.some(({ destination }) => destination.address === address));
      },
      { what: "both families are told", deadlineMs: 30_000 },
    );
    for (const flow of told.filter(({ protocol }) => protocol === "tcp")) {
      expect(flow).toMatchObject({
        source: { pod: "default/client" },
        destination: { pod: "default/server", port: expect.any(Number) },
        direction: "ingress",
        deniedBy: "NetworkPolicy default/server, ingress rule 1",
        rule: { kind: "NetworkPolicy", namespace: "default", name: "server", index: 1 },
      });
    }
    ending.abort();
    await reading;
  });

  describe("with policies that are staged", () => {
    const staged = (name: string, spec: object): Promise<void> =>
      stand.apply(resource("StagedNetworkPolicy", name, spec, inDefault));
    const stagedDeny = { ...ofServer, order: 1, ingress: [denyClient] };
    const told: DeniedFlowLine[] = [];
    const ending = new AbortController();
    let reading: Promise<void> = Promise.resolve();

    beforeAll(() => {
      reading = readDenied(stand, ending.signal, (line) => told.push(line));
    });
    afterAll(async () => {
      ending.abort();
      await reading;
    });

    /** The server is spoken to until both families are told so. */
    const saidOfBoth = async (said: (line: DeniedFlowLine) => unknown): Promise<unknown[]> => {
      told.length = 0;
      const flowIn = (line: DeniedFlowLine) =>
        "flow" in line ? line.flow : "wouldDeny" in line ? line.wouldDeny : null;
      const saying = (): DeniedFlowLine[] => told.filter((line) => flowIn(line)?.protocol === "tcp" && said(line));
      const isTold = (address: string): boolean =>
        saying().some((line) => flowIn(line)?.destination.address === address);
      await waitFor(
        async (saw) => {
          await greeted(client, server);
          saw(told);
          return server.addresses.every(isTold);
        },
        { what: "both families are told", deadlineMs: 30_000 },
      );
      return saying();
    };

    it("are told where these would deny them, and pass", async () => {
      await policy({ action: "Allow" });
      await sees("where the server greets", () => greeted(client, server), server.addresses);
      await staged("tighter", stagedDeny);
      for (const line of await saidOfBoth((line) => "wouldDeny" in line)) {
        expect(line).toMatchObject({
          wouldDeny: {
            source: { pod: "default/client" },
            destination: { pod: "default/server", port: expect.any(Number) },
            staged: {
              verdict: "deny",
              direction: "ingress",
              by: "StagedNetworkPolicy default/tighter, ingress rule 0",
              policies: ["StagedNetworkPolicy default/tighter"],
            },
          },
        });
      }
      expect(await greeted(client, server)).toEqual(server.addresses);
      await staged("tighter", { ...stagedDeny, stagedAction: "Ignore" });
    });

    it("are told where these would let them pass, and do not", async () => {
      await policy(denyClient);
      await sees("where the server greets", () => greeted(client, server), []);
      await staged("server", { ...ofServer, ingress: [{ action: "Allow" }] });
      for (const line of await saidOfBoth((line) => "flow" in line && line.flow.staged)) {
        expect(line).toMatchObject({
          flow: {
            deniedBy: "NetworkPolicy default/server, ingress rule 0",
            staged: { verdict: "allow", by: "StagedNetworkPolicy default/server, ingress rule 0" },
          },
        });
      }
      expect(await greeted(client, server)).toEqual([]);
    });
  });

  it("are counted by rule, whatever else of the policy changes", async () => {
    await policy(denyClient);
    await sees("where the server greets", () => greeted(client, server), []);
    const denied = await hitsOf(0);
    expect(denied).toBeGreaterThan(0);
    await policy({ action: "Allow", protocol: "TCP", source: { selector: "app == 'client'" } }, denyClient);
    await sees("where the server greets", () => greeted(client, server), server.addresses);
    expect(await hitsOf(1)).toBe(denied);
    const allowed = await hitsOf(0);
    await greeted(client, server);
    expect(await hitsOf(0)).toBe(allowed + server.addresses.length);
    const [own] = (await hits()).filter((hit) => hit.name === "server" && hit.rule === 1);
    expect(own).toMatchObject({ kind: "NetworkPolicy", namespace: "default", action: "deny", direction: "ingress" });
    expect(own?.text).toBe("Deny from endpoints with app == 'client'");
  });

  it("are counted on when policy moves to the tables of another backend", async () => {
    await policy(denyClient);
    await sees("where the server greets", () => greeted(client, server), []);
    const node = stand.fabric.machine("node1");
    const hooked = async (): Promise<readonly string[]> => {
      const saved = await Promise.all(["nft", "legacy"].map((backend) => node.exec(`iptables-${backend}-save`, [])));
      return ["nft", "legacy"].filter((_, index) => saved[index]?.includes("-j BRDL-FORWARD"));
    };
    for (const backend of ["legacy", "nft"]) {
      const before = await hitsOf(0);
      await greeted(client, server); // Which nobody reads before the move.
      await stand.apply(resource("FelixConfiguration", "default", { iptablesBackend: backend }));
      await sees("where the hooks are", hooked, [backend]);
      const moved = await hitsOf(0);
      expect(moved).toBeGreaterThanOrEqual(before + server.addresses.length);
      await greeted(client, server);
      expect(await hitsOf(0)).toBeGreaterThanOrEqual(moved + server.addresses.length);
    }
  });

  it("are counted one by one in a flood, and told no oftener than their rate, for little of the agent's time", async () => {
    await policy(denyClient);
    await sees("where the server greets", () => greeted(client, server), []);
    const ending = new AbortController();
    const heard = { told: 0, missed: 0 };
    const reading = readDenied(stand, ending.signal, (line) => {
      if ("flow" in line) heard.told += 1;
      else if ("missed" in line) heard.missed += line.missed;
    });
    const { pid } = stand.agent("node1");
    const [before, startCpuMs, startMs] = [await hitsOf(0), await cpuMs(pid), performance.now()];
    const place = namespaceNamed(client.namespace);
    const { stdout } = await place.run(
      process.execPath,
      ["-e", flood, server.addresses[0] ?? "", String(floodPackets)],
      {
        deadlineMs: 60_000,
      },
    );
    const sent = Number(stdout);
    expect(sent).toBeGreaterThan(floodPackets / 2);
    await waitFor(async () => (await hitsOf(0)) === before + sent, { what: "each is counted", deadlineMs: 30_000 });
    const [seconds, tookMs] = [(performance.now() - startMs) / 1_000, (await cpuMs(pid)) - startCpuMs];
    ending.abort();
    await reading;
    expect(heard.told).toBeGreaterThan(0);
    // A hundred a second, and as many at once.
    expect(heard.told).toBeLessThanOrEqual(100 * (seconds + 2));
    expect(heard.told + heard.missed).toBeLessThan(sent / 2);
    // To hear and name each of them would take longer than all else that it does meanwhile.
    expect(tookMs / sent).toBeLessThan(0.2);
  }, 120_000);

  describe("that are open when policy comes to deny them", () => {
    let ends: readonly { readonly at: Talker; readonly of: Talker }[] = [];
    const port = 7788;

    /** Both conversations, over each family: IPv4 to one port, IPv6 to the next. */
    beforeAll(async () => {
      await policy({ action: "Allow" });
      ends = await Promise.all(
        server.addresses.map(async (address, index) => {
          const listener = new Talker(namespaceNamed(server.namespace), ["listen", String(port + index)]);
          await listener.hears("ready");
          const caller = new Talker(namespaceNamed(client.namespace), ["connect", address, String(port + index)]);
          await caller.hears("ready");
          return { at: caller, of: listener };
        }),
      );
      await allTalk("hello");
    });

    afterAll(() => {
      for (const { at, of } of ends) for (const end of [at, of]) end.end();
    });

    const everyone = (): readonly (readonly [Talker, Talker])[] =>
      ends.flatMap(({ at, of }) => [[at, of] as const, [of, at] as const]);
    /** The client first, so that the server knows whom to answer over UDP. */
    const allTalk = async (word: string): Promise<void> => {
      for (const [speaker, hearer] of everyone()) {
        for (const protocol of ["tcp", "udp"]) {
          speaker.say(`${protocol} ${word}`);
          await hearer.hears(`${protocol} ${word}`);
        }
      }
    };
    const marked = async (): Promise<number> => {
      using flows = await openFlowSocket({ namespace: stand.fabric.machine("node1").namespace.path });
      const ours = (await flows.list()).filter(
        ({ original }) => original.destinationPort !== undefined && original.destinationPort - port in ends,
      );
      return ours.filter(({ mark }) => (mark & endedFlowMark) !== 0).length;
    };

    let tries = 0;

    it("go on where they are to, and end where killEstablishedOnDeny says so, whoever speaks last", async () => {
      tries++; // What a try before this one said over TCP is heard in the end.
      await settings({ killEstablishedOnDeny: false });
      await policy(denyClient);
      await sees("where the server greets", () => greeted(client, server), []);
      await allTalk(`still-here-${tries}`);

      await settings({ killEstablishedOnDeny: true });
      await sees("how many flows are marked", marked, 4);
      for (const [speaker] of everyone()) {
        const before = await dropped();
        // Twice over UDP: what opened the flow anew would let the second one through.
        for (const protocol of ["udp", "udp", "tcp"]) speaker.say(`${protocol} gone-${tries}`);
        await waitFor(async () => (await dropped()) >= before + 3, {
          what: "what they say is dropped",
          deadlineMs: 30_000,
        });
      }
      for (const [, hearer] of everyone()) expect(hearer.heard).not.toContain(`gone-${tries}`);

      await policy({ action: "Allow" });
      await sees("how many flows are marked", marked, 0);
      await allTalk(`here-again-${tries}`);
    }, 120_000);

    it("end with the change that denies them", async () => {
      await policy(denyClient);
      await sees("how many flows are marked", marked, 4);
      for (const { at, of } of ends) {
        const before = await dropped();
        of.say("tcp over");
        await waitFor(async () => (await dropped()) > before, { what: "what the server says is dropped" });
        expect(at.heard).not.toContain("over");
      }
    });
  });

  describe("at a host endpoint of the node", () => {
    const port = 7890;
    const ports = { denied: port + 1, untracked: port + 2, staged: port + 3, free: port + 4 };
    const told: DeniedFlowLine[] = [];
    const ending = new AbortController();
    let reading: Promise<void> = Promise.resolve();
    let ofNode: readonly string[];
    const toPort = (port: number) => ({ protocol: "TCP", destination: { ports: [port] } });
    const ofHost = { selector: "role == 'uplink'", applyOnForward: true };
    const denyDenied = { action: "Deny", ...toPort(ports.denied) };
    const hostPolicy = (...ingress: object[]): Promise<void> =>
      stand.apply(
        resource("GlobalNetworkPolicy", "host", {
          ...ofHost,
          types: ["Ingress", "Egress"],
          ingress: [...ingress, { action: "Allow" }],
          egress: [{ action: "Allow" }],
        }),
      );

    beforeAll(async () => {
      const [node] = stand.fabric.plan.nodes;
      ofNode = node ? [node.ip, node.ip6] : [];
      await policy({ action: "Allow" });
      await hostPolicy(denyDenied);
      const untracked = { ...ofHost, doNotTrack: true, order: 1 };
      await stand.apply(
        resource("GlobalNetworkPolicy", "untracked", {
          ...untracked,
          ingress: [{ action: "Deny", ...toPort(ports.untracked) }],
        }),
        resource("StagedGlobalNetworkPolicy", "tighter", {
          ...ofHost,
          order: 1,
          ingress: [{ action: "Deny", ...toPort(ports.staged) }],
        }),
        // By its address, so that its interface has to be found.
        resource("HostEndpoint", "uplink", { node: "node1", expectedIPs: [ofNode[0]] }, { labels: { role: "uplink" } }),
      );
      reading = readDenied(stand, ending.signal, (line) => told.push(line));
    });
    afterAll(async () => {
      ending.abort();
      await reading;
    });

    const knock = (port: number): Promise<unknown> =>
      Promise.all(
        ofNode.map((address) =>
          stand.fabric
            .machine("tor")
            .run("bash", ["--norc", "-c", `timeout 1 bash -c ": > /dev/tcp/${address}/${port}"`]),
        ),
      );

    it.each([
      {
        what: "what its policies deny",
        port: ports.denied,
        flow: { hostEndpoint: "uplink", direction: "ingress", deniedBy: "GlobalNetworkPolicy host, ingress rule 0" },
      },
      {
        what: "what is denied before connections are tracked",
        port: ports.untracked,
        flow: {
          hostEndpoint: "uplink",
          direction: "ingress",
          deniedBy: "GlobalNetworkPolicy untracked, ingress rule 0",
        },
      },
      {
        what: "what staged policies would deny",
        port: ports.staged,
        wouldDeny: {
          staged: {
            hostEndpoint: "uplink",
            direction: "ingress",
            by: "StagedGlobalNetworkPolicy tighter, ingress rule 0",
            policies: ["StagedGlobalNetworkPolicy tighter"],
          },
        },
      },
    ])("are told of $what", async ({ what: _, port, ...expected }) => {
      const about = (line: DeniedFlowLine) =>
        "flow" in line ? line.flow : "wouldDeny" in line ? line.wouldDeny : null;
      const ofPort = (): DeniedFlowLine[] => told.filter((line) => about(line)?.destination.port === port);
      const isTold = (address: string): boolean =>
        ofPort().some(
          (line) => Object.keys(expected).every((kind) => kind in line) && about(line)?.destination.address === address,
        );
      await waitFor(
        async (saw) => {
          await knock(port);
          saw(told);
          return ofNode.every(isTold);
        },
        { what: "both families are told", deadlineMs: 30_000 },
      );
      expect(ofPort().at(-1)).toMatchObject(expected);
    });

    it("are counted by their packets before they are tracked", async () => {
      const counted = async (): Promise<readonly PolicyHit[]> =>
        (await hits()).filter(({ name }) => name === "untracked" || name === "host");
      const before = await counted();
      await knock(ports.untracked);
      const rows = await counted();
      expect(rows.map(({ name, counts }) => `${name} in ${counts}`)).toContain("untracked in packets");
      expect(rows.map(({ name, counts }) => `${name} in ${counts}`)).not.toContain("host in packets");
      const of = (all: readonly PolicyHit[]): number => all.find(({ name }) => name === "untracked")?.hits ?? 0;
      expect(of(rows)).toBeGreaterThanOrEqual(of(before) + ofNode.length);
    });

    it("end when its policies come to deny them: those of the node, and those that it forwards", async () => {
      await settings({ killEstablishedOnDeny: true });
      const onNode = new Talker(stand.fabric.machine("node1").namespace, ["listen", String(ports.free)]);
      const inPod = new Talker(namespaceNamed(server.namespace), ["listen", String(ports.free)]);
      for (const listener of [onNode, inPod]) await listener.hears("ready");
      const listened = [
        ...ofNode.map((address) => [address, onNode] as const),
        ...server.addresses.map((address) => [address, inPod] as const),
      ];
      const talks = await Promise.all(
        listened.map(async ([address, listener]) => {
          const caller = new Talker(stand.fabric.machine("tor").namespace, ["connect", address, String(ports.free)]);
          await caller.hears("ready");
          caller.say(`tcp hello-${address}`);
          await listener.hears(`tcp hello-${address}`);
          return { caller, listener, address };
        }),
      );
      await hostPolicy({ action: "Deny", ...toPort(ports.free) });
      const marked = async (): Promise<number> => {
        using flows = await openFlowSocket({ namespace: stand.fabric.machine("node1").namespace.path });
        const ours = (await flows.list()).filter(({ original }) => original.destinationPort === ports.free);
        return ours.filter(({ mark }) => (mark & endedFlowMark) !== 0).length;
      };
      await sees("how many flows are marked", marked, talks.length);
      const before = await dropped();
      for (const { caller, address } of talks) caller.say(`tcp gone-${address}`);
      await waitFor(async () => (await dropped()) >= before + talks.length, {
        what: "what they say is dropped",
        deadlineMs: 30_000,
      });
      for (const { listener } of talks) expect(listener.heard).not.toContain("gone");
      await hostPolicy();
      await sees("how many flows are marked", marked, 0);
      for (const { caller, listener, address } of talks) {
        caller.say(`tcp back-${address}`);
        await listener.hears(`tcp back-${address}`);
      }
      for (const { caller, listener } of talks) for (const end of [caller, listener]) end.end();
    }, 120_000);
  });
});
