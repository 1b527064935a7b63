import { describe, expect, it } from "vitest";
import { seededRandom } from "../wire/testing.ts";
import { runCampaign } from "./campaign.ts";

const seed = Number(process.env.BRINDLE_SEED ?? 20260401);

describe("a hostile peer", () => {
  it(`harms nobody by 10,000 messages, and leaves nothing behind (BRINDLE_SEED=${seed})`, () => {
    const { messages, sessions, notifications, left } = runCampaign(10_000, seededRandom(seed));
    expect(messages).toBeGreaterThanOrEqual(10_000); // The last handshake may be one more.
    expect(left).toEqual({ prefixes: 0, routes: 0, attributeSets: 0 });
    expect(sessions).toBeGreaterThan(200);
    // The generator reaches headers, OPENs, UPDATEs and the session machine.
    for (const code of ["1/", "2/", "3/", "5/"]) {
      expect([...notifications.keys()].some((said) => said.startsWith(code))).toBe(true);
    }
  }, 60_000);
});
