import { describe, expect, it } from "vitest";
import type { Capability, GracefulRestart } from "../wire/message.ts";
import { loserOfCollision, type Side } from "./collision.ts";
import { type Negotiated, negotiate } from "./negotiate.ts";

const ipv4: Capability = { code: 1, name: "multiprotocol", family: 4 };
const ipv6: Capability = { code: 1, name: "multiprotocol", family: 6 };
/** AFI 25, SAFI 65: L2VPN. */
const l2vpn: Capability = { code: 1, name: "unknown", value: Uint8Array.of(0, 25, 0, 65) };
const routeRefresh: Capability = { code: 2, name: "routeRefresh" };
const fourOctetAs: Capability = { code: 65, name: "fourOctetAs", asn: 65001 };
const restart: GracefulRestart = {
  restarting: true,
  restartSeconds: 120,
  families: [{ family: 4, forwardingKept: true }],
};
const gracefulRestart: Capability = { code: 64, name: "gracefulRestart", restart };
const ourRestart: Capability = { code: 64, name: "gracefulRestart", restart: { ...restart, restartSeconds: 7 } };

describe("negotiate (RFC 5492 §3, RFC 4724 §3)", () => {
  const rows: { name: string; ours: Capability[]; theirs: Capability[]; agreed: Partial<Negotiated> }[] = [
    {
      name: "both families where both have both",
      ours: [ipv4, ipv6],
      theirs: [ipv6, ipv4],
      agreed: { families: [4, 6] },
    },
    { name: "the one that both have", ours: [ipv4, ipv6], theirs: [ipv6], agreed: { families: [6] } },
    { name: "nothing where there is nothing in common", ours: [ipv6], theirs: [ipv4], agreed: { families: [] } },
    { name: "IPv4 with a peer that offers no capabilities", ours: [ipv4, ipv6], theirs: [], agreed: { families: [4] } },
    {
      name: "no IPv4 with a peer that offers another family alone",
      ours: [ipv4],
      theirs: [l2vpn],
      agreed: { families: [] },
    },
    {
      name: "four-octet AS numbers where both have them",
      ours: [fourOctetAs],
      theirs: [fourOctetAs],
      agreed: { fourOctetAs: true },
    },
    { name: "two-octet AS numbers where one has not", ours: [fourOctetAs], theirs: [], agreed: { fourOctetAs: false } },
    {
      name: "route refresh where both have it",
      ours: [routeRefresh],
      theirs: [routeRefresh],
      agreed: { routeRefresh: true },
    },
    {
      name: "no route refresh where we did not offer it",
      ours: [],
      theirs: [routeRefresh],
      agreed: { routeRefresh: false },
    },
    {
      name: "the peer's graceful restart where both have it",
      ours: [ourRestart],
      theirs: [gracefulRestart],
      agreed: { gracefulRestart: restart },
    },
    {
      name: "no graceful restart where we did not offer it",
      ours: [],
      theirs: [gracefulRestart],
      agreed: { gracefulRestart: null },
    },
  ];
  for (const { name, ours, theirs, agreed } of rows) {
    it(`finds ${name}`, () => expect(negotiate(ours, theirs)).toMatchObject(agreed));
  }
});

describe("loserOfCollision (RFC 4271 §6.8, RFC 6286 §2.3)", () => {
  const low = { bgpId: 1, asn: 65001 };
  const high = { bgpId: 2, asn: 65000 };
  const sameIdHigherAs = { bgpId: 1, asn: 65002 };

  for (const newcomer of ["active", "passive"] as const satisfies Side[]) {
    it(`lets a ${newcomer} newcomer live when there is no other`, () => {
      expect(loserOfCollision(newcomer, "none", low, high)).toBeNull();
    });
    it(`closes a ${newcomer} newcomer when the other is Established, whatever the identifiers`, () => {
      expect(loserOfCollision(newcomer, "established", low, high)).toBe(newcomer);
      expect(loserOfCollision(newcomer, "established", high, low)).toBe(newcomer);
    });
    it(`keeps the connection of the higher identifier when the newcomer is ${newcomer}`, () => {
      expect(loserOfCollision(newcomer, "openConfirm", high, low)).toBe("passive");
      expect(loserOfCollision(newcomer, "openConfirm", low, high)).toBe("active");
    });
    it(`keeps that of the higher AS when the identifiers are equal and the newcomer is ${newcomer}`, () => {
      expect(loserOfCollision(newcomer, "openConfirm", sameIdHigherAs, low)).toBe("passive");
      expect(loserOfCollision(newcomer, "openConfirm", low, sameIdHigherAs)).toBe("active");
    });
  }

  it("closes one connection of two, whichever side asks", () => {
    const ours = loserOfCollision("active", "openConfirm", low, high);
    const theirs = loserOfCollision("passive", "openConfirm", high, low);
    expect([ours, theirs]).toEqual(["active", "passive"]); // Our dialled connection is the one that they accepted.
  });
});
