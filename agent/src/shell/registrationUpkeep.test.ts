import assert from "node:assert/strict";
import type { Node } from "@brindle/api";
import { describe, it } from "vitest";
import { RegistrationUpkeep } from "./registrationUpkeep.ts";

function nodeWith(bgp: NonNullable<Node["spec"]["bgp"]> | undefined): Node {
  return {
    apiVersion: "projectcalico.org/v3",
    kind: "Node",
    metadata: { name: "node1" },
    spec: { ...(bgp && { bgp }) },
  };
}

const rows: { name: string; node: Node | undefined; registers: boolean }[] = [
  { name: "is left alone with an address of IPv4", node: nodeWith({ ipv4Address: "192.0.2.1/24" }), registers: false },
  { name: "is left alone with one of IPv6", node: nodeWith({ ipv6Address: "2001:db8::1/64" }), registers: false },
  { name: "is registered without", node: nodeWith({}), registers: true },
  { name: "is registered that nobody has touched", node: nodeWith(undefined), registers: true },
  { name: "is waited for when it is gone", node: undefined, registers: true },
];

describe("a node", () => {
  it.each(rows)("$name", ({ node, registers }) => {
    let calls = 0;
    const register = async () => {
      calls += 1;
    };
    new RegistrationUpkeep({ node: () => node, register }).changed();
    assert.equal(calls, registers ? 1 : 0);
  });

  it("is registered once at a time, and again when that is over and it lacks it still", async () => {
    const registrations: PromiseWithResolvers<void>[] = [];
    const register = () => {
      const registration = Promise.withResolvers<void>();
      registrations.push(registration);
      return registration.promise;
    };
    const upkeep = new RegistrationUpkeep({ node: () => undefined, register });
    upkeep.changed();
    upkeep.changed();
    assert.equal(registrations.length, 1);
    registrations[0]?.resolve();
    await new Promise((done) => setImmediate(done));
    upkeep.changed();
    assert.equal(registrations.length, 2);
  });
});
