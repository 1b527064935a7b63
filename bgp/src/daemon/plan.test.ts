import { describe, expect, it } from "vitest";
import { planLines, planReload } from "./plan.ts";
import { readSettings } from "./readSettings.ts";
import { type SpeakerWish, speakerWish } from "./speakerConfigOf.ts";

function wish(text: string, password = "one"): SpeakerWish {
  const read = readSettings(text);
  if (read.kind === "problems") throw new Error(read.problems.join("\n"));
  return speakerWish(read.settings, { passwords: new Map([["/pw", password]]), software: "brindle-bgp 1.2.3" });
}

const before = `
asNumber: 65000
routerID: 10.0.0.1
listen: [{ address: 10.0.0.1 }]
peers:
  - { peerIP: 10.0.0.2, asNumber: 65001, passwordFile: /pw }
  - { peerIP: 10.0.0.3, asNumber: 65001 }
originate: [192.0.2.0/24, 198.51.100.0/24]
`;

function plan(after: string, password?: string) {
  return planReload(wish(before), wish(after, password), (peer) => peer === "10.0.0.2");
}

const rows: { name: string; from: string; to: string; cost: string; lost?: string[] }[] = [
  {
    name: "a hold time",
    from: "65001, passwordFile",
    to: "65001, holdTime: 30s, passwordFile",
    cost: "reset",
    lost: ["10.0.0.2"],
  },
  {
    name: "our own AS as it sees it",
    from: "65001, passwordFile",
    to: "65001, localASNumber: 65009, passwordFile",
    cost: "reset",
    lost: ["10.0.0.2"],
  },
  {
    name: "how often our own AS may come back",
    from: "65001, passwordFile",
    to: "65001, numAllowedLocalASNumbers: 1, passwordFile",
    cost: "refresh",
  },
  {
    name: "what is told",
    from: "65001, passwordFile",
    to: "65001, exportPolicy: accept, passwordFile",
    cost: "refresh",
  },
  {
    name: "what is taken",
    from: "65001, passwordFile",
    to: "65001, importPolicy: accept, passwordFile",
    cost: "refresh",
  },
  { name: "who dials", from: "65001, passwordFile", to: "65001, passive: true, passwordFile", cost: "nothing" },
];

describe("a plan", () => {
  it("resets nobody for an AS that others see alone", () => {
    const seen = before.replace("65001, passwordFile", "65001, localASNumber: 65009, passwordFile");
    const { changes } = planReload(wish(seen), wish(seen.replace("asNumber: 65000", "asNumber: 65100")), () => true);
    expect(changes).toMatchObject([{ peer: "10.0.0.3", field: "asNumber", cost: "reset" }]);
  });

  it("tells in the file's words what is more than a word", () => {
    const after = "65001, bfd: {}, maxPrefixes: { ipv4: 5, action: warn }, importPolicy: [10.0.0.0/8], passwordFile";
    const other = after.replace("10.0.0.0/8", "10.0.0.0/9");
    expect(planLines(plan(before.replace("65001, passwordFile", after)))).toEqual([
      "peer 10.0.0.2 maxPrefixes: (none) -> ipv4 5, else warn: nothing (heeded from the next UPDATE on)",
      "peer 10.0.0.2 bfd: (none) -> 300ms sent, 300ms received, 3 lost: nothing (BFD goes by it from now on)",
      "peer 10.0.0.2 importPolicy: reject -> a list of 1: refresh (what it told is judged anew)",
      "peers reset: 0, of which Established now: 0",
    ]);
    const [one, two] = [after, other].map((text) => wish(before.replace("65001, passwordFile", text))) as [
      SpeakerWish,
      SpeakerWish,
    ];
    expect(planLines(planReload(one, two, () => true))[0]).toContain(
      "a list of 1 -> a list of 1 (other content): refresh",
    );
  });

  it("says so where nothing changes", () => {
    expect(planLines(plan(before))).toEqual(["nothing changes"]);
  });

  for (const { name, from, to, cost, lost = [] } of rows) {
    it(`has ${name} cost one peer ${cost}, and the other nothing`, () => {
      const { changes, ...sum } = plan(before.replace(from, to));
      expect(changes).toMatchObject([{ peer: "10.0.0.2", cost }]);
      expect(sum).toEqual({ resets: cost === "reset" ? ["10.0.0.2"] : [], lost });
    });
  }

  it("has another AS of ours cost every peer its session", () => {
    const { changes, resets, lost } = plan(before.replace("65000", "65009"));
    expect(changes.map(({ peer, field, cost }) => [peer, field, cost])).toEqual([
      ["10.0.0.2", "asNumber", "reset"],
      ["10.0.0.3", "asNumber", "reset"],
    ]);
    expect([resets.length, lost]).toEqual([2, ["10.0.0.2"]]);
  });

  it("never tells a password", () => {
    const text = planLines(plan(before, "another-one")).join("\n");
    expect(text).toContain("passwordFile: (a secret) -> (another secret): reset");
    expect(text).not.toContain("another-one");
  });

  it("tells values as the file has them", () => {
    const after = before.replace(
      "65001, passwordFile",
      "65001, holdTime: 1m, importPolicy: accept, families: [ipv4], passwordFile",
    );
    expect(planLines(plan(after)).slice(0, -1)).toEqual([
      "peer 10.0.0.2 holdTime: 90s -> 60s: reset (the session ends and comes back)",
      "peer 10.0.0.2 families: ipv4, ipv6 -> ipv4: reset (the session ends and comes back)",
      "peer 10.0.0.2 importPolicy: reject -> accept: refresh (what it told is judged anew)",
    ]);
  });

  it("says that BFD goes by other values at once", () => {
    const after = before.replace("65001, passwordFile", "65001, bfd: {}, passwordFile");
    const effect = "BFD goes by it from now on";
    expect(plan(after)).toMatchObject({ changes: [{ field: "bfd", cost: "nothing", effect }], lost: [] });
  });

  it("has a shutdown cost the session, and its end nothing", () => {
    const down = before.replace("65001, passwordFile", "65001, shutdown: moved, passwordFile");
    expect(plan(down)).toMatchObject({ changes: [{ field: "shutdown", cost: "reset" }], lost: ["10.0.0.2"] });
    expect(planReload(wish(down), wish(before), () => false).changes).toMatchObject([{ cost: "nothing" }]);
  });

  it("speaks of a range as of its peers", () => {
    const ranged = before.replace("peers:", "peers:\n  - { name: rack, range: 10.1.0.0/24, asNumber: 65003 }");
    expect(plan(ranged).changes).toMatchObject([{ peer: "rack", cost: "new", to: "10.1.0.0/24" }]);
    const other = ranged.replace("65003", "65003, holdTime: 30s");
    expect(planReload(wish(ranged), wish(other), (peer) => peer === "rack")).toMatchObject({
      changes: [{ peer: "rack", field: "holdTime", cost: "reset" }],
      lost: ["rack"],
    });
    const fewer = ranged.replace("65003", "65003, peerLimit: 7");
    expect(planLines(planReload(wish(ranged), wish(fewer), () => false))[0]).toBe(
      "peer rack peerLimit: 100 -> 7: nothing (those that are here stay)",
    );
  });

  it.each([
    { field: "multipath", text: "multipath: { paths: 4 }", from: "(none)", to: '{"paths":4}' },
    { field: "hostName", text: "hostName: leaf1", from: "(none)", to: "leaf1" },
    { field: "hostName", text: "hostName: leaf1\ndomainName: example.net", from: "(none)", to: "leaf1.example.net" },
  ])("tells of $field, which costs no peer anything", ({ text, field, from, to }) => {
    expect(plan(`${before}${text}\n`)).toMatchObject({ changes: [{ peer: null, field, from, to, cost: "nothing" }] });
    expect(planReload(wish(`${before}${text}\n`), wish(before), () => false).changes).toMatchObject([{ from: to }]);
  });

  it("names peers that come and go, and counts prefixes of our own", () => {
    const after = before.replace("10.0.0.3", "10.0.0.4").replace("198.51.100.0/24", "{ prefix: 192.0.2.0/25, med: 1 }");
    expect(planLines(plan(after))).toEqual([
      "originate: 2 -> 2: nothing (1 new or changed, 1 withdrawn)",
      "peer 10.0.0.4: 10.0.0.4: new (begins)",
      "peer 10.0.0.3: 10.0.0.3: gone (ends, with its routes)",
      "peers reset: 0, of which Established now: 0",
    ]);
  });
});
