import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { type LogOwner, logPrefix, quietSettings } from "./settings.ts";

const owner: LogOwner = { kind: "NetworkPolicy", namespace: "shop", name: "web", tier: "security" };

const cases: { name: string; prefix: string; of?: LogOwner; expected: string }[] = [
  { name: "as it is written", prefix: "calico-packet", expected: "calico-packet: " },
  { name: "with tier, kind and name", prefix: "%t %k %n", expected: "security np web: " },
  { name: "with the namespace", prefix: "%p", expected: "shop/web: " },
  {
    name: "of a policy in no namespace",
    prefix: "%k %p",
    of: { kind: "GlobalNetworkPolicy", namespace: null, name: "web", tier: "default" },
    expected: "gnp web: ",
  },
  { name: "cut to what the kernel takes", prefix: "x".repeat(40), expected: `${"x".repeat(27)}: ` },
  { name: "in printable letters alone", prefix: "%n", of: { ...owner, name: "a\nb" }, expected: "a?b: " },
  { name: "of an unknown letter as it stands", prefix: "%z", expected: "%z: " },
  { name: "empty, without a colon", prefix: "", expected: "" },
];

describe("a packet is logged with a prefix", () => {
  for (const { name, prefix, of = owner, expected } of cases) {
    it(name, () => assert.equal(logPrefix({ ...quietSettings.log, prefix }, of), expected));
  }
});
