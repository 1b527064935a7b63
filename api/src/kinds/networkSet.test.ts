import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { kinds } from "./kinds.ts";
import { documentOf, problemsOf, type RefusedCase, resourceOf, storedTextOf, warningsOf } from "./testing.ts";

const refused: RefusedCase[] = [
  {
    name: "what is no network",
    spec: { nets: ["10.0.0.0/33"] },
    problems: ['spec.nets[0]: "10.0.0.0/33" is no network, like 198.51.100.0/24, and no address'],
  },
  { name: "a network twice", spec: { nets: ["::/0", "::/0"] }, problems: ["spec.nets: has an entry twice"] },
  {
    name: "the label that says where it is",
    spec: {},
    metadata: { labels: { "projectcalico.org/namespace": "prod" } },
    problems: ['metadata.labels["projectcalico.org/namespace"]: "prod" is set by the datastore alone: leave it out'],
  },
];

const sets = [
  { kind: "NetworkSet", metadata: { namespace: "prod" } },
  { kind: "GlobalNetworkSet", metadata: {} },
] as const;

for (const { kind, metadata: place } of sets) {
  describe(`a ${kind}`, () => {
    for (const { name, spec, metadata, problems } of refused) {
      it(`is refused with ${name}`, () =>
        assert.deepEqual(problemsOf(documentOf(kind, spec, { ...place, ...metadata })), problems));
    }

    it("takes addresses and host bits, and stores them as they were written", () => {
      const nets = ["198.51.100.7", "203.0.113.9/28", "2001:db8::1", "2001:db8:bad::/48"];
      const text = storedTextOf(documentOf(kind, { nets }, place));
      assert.ok(text.endsWith(`"spec":${JSON.stringify({ nets })}}`), text);
    });

    it("shows as many networks as 80 letters hold", () => {
      const shown = (count: number): string => {
        const nets = Array.from({ length: count }, (_, i) => `10.0.${i}.0/24`);
        const resource = resourceOf(documentOf(kind, { nets }, place));
        assert.ok(resource.kind === "NetworkSet" || resource.kind === "GlobalNetworkSet");
        return kinds.NetworkSet.wideColumns[1]?.cell(resource as never, { clusterAsNumber: 0 }) ?? "";
      };
      assert.equal(shown(2), "10.0.0.0/24,10.0.1.0/24");
      assert.equal(shown(9).length, 80);
      assert.ok(shown(9).endsWith(",10.0...."));
    });

    it("is acted on whole", () => assert.deepEqual(warningsOf(documentOf(kind, { nets: ["10.0.0.0/8"] }, place)), []));
  });
}
