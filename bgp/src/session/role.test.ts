import { describe, expect, it } from "vitest";
import type { BgpRole, Capability, Open } from "../wire/message.ts";
import { roleProblem } from "./role.ts";

const roles: readonly BgpRole[] = ["provider", "routeServer", "routeServerClient", "customer", "peer"];
const pairs: ReadonlySet<string> = new Set([
  "provider customer",
  "customer provider",
  "routeServer routeServerClient",
  "routeServerClient routeServer",
  "peer peer",
]);

function openWith(...theirs: readonly BgpRole[]): Open {
  const capabilities = theirs.map((role): Capability => ({ code: 9, name: "role", role }));
  return { type: "open", asn: 65001, holdSeconds: 90, bgpId: 1, capabilities };
}

describe("RFC 9234 §4.2 Role Correctness", () => {
  for (const ours of roles) {
    for (const theirs of roles) {
      const isAllowed = pairs.has(`${ours} ${theirs}`);
      it(`${isAllowed ? "lets" : "does not let"} us be ${ours} to a ${theirs}`, () => {
        const problem = roleProblem({ ours, strict: false }, openWith(theirs));
        if (isAllowed) expect(problem).toBeNull();
        else expect(problem).toContain(theirs);
      });
    }
  }

  it("takes a peer that says no role, but where we are strict", () => {
    expect(roleProblem({ ours: "customer", strict: false }, openWith())).toBeNull();
    expect(roleProblem({ ours: "customer", strict: true }, openWith())).toMatch(/does not say its role/);
  });

  it("takes a role said twice, and refuses two roles", () => {
    expect(roleProblem({ ours: "customer", strict: true }, openWith("provider", "provider"))).toBeNull();
    expect(roleProblem({ ours: "customer", strict: false }, openWith("provider", "peer"))).toMatch(/provider and peer/);
  });
});
