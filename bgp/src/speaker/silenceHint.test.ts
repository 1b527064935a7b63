import { describe, expect, it } from "vitest";
import { openHint, silenceHint } from "./silenceHint.ts";

const cases: { name: string; peer: { password?: string; ttlSecurity?: number }; dropped: number; hint: RegExp }[] = [
  { name: "a password", peer: { password: "s3cret" }, dropped: 0, hint: /^is the password the same there\?$/ },
  { name: "drops meanwhile", peer: { password: "s3cret" }, dropped: 7, hint: /same there; .* 7 TCP .* wrong\?$/ },
  { name: "drops without a password", peer: {}, dropped: 7, hint: /7 TCP .* does the peer have a password\?$/ },
  { name: "a distance", peer: { ttlSecurity: 2 }, dropped: 0, hint: /at most 2 hops away/ },
  {
    name: "both",
    peer: { password: "s3cret", ttlSecurity: 1 },
    dropped: 0,
    hint: /same there\? is the peer at most 1/,
  },
];

describe("a dial without an answer is explained by", () => {
  for (const { name, peer, dropped, hint } of cases) {
    it(name, () => {
      const { silenceHint: text } = silenceHint(peer, dropped);
      expect(text).toMatch(hint);
      expect(text).not.toContain("s3cret");
    });
  }
  it("nothing where nothing is known", () => expect(silenceHint({}, 0)).toEqual({}));
});

it("asks nothing of signatures where no OPEN comes on a connection that stands", () => {
  const { openHint: text } = openHint({ ttlSecurity: 1 });
  expect(text).toMatch(/^is this neighbour configured there\? .*at most 1 hops away/);
  expect(openHint({}).openHint).not.toContain("hop");
});
