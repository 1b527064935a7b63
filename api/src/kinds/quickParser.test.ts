import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { formatJson } from "../json/json.ts";
import { isResourceKind, kinds } from "./kinds.ts";
import { notRight, quickParser } from "./quickParser.ts";
import { findUnknown } from "./schema.ts";

const rule = {
  action: "Allow",
  protocol: "TCP",
  source: { selector: "app == 'web'", nets: ["10.0.0.0/8"], namespaceSelector: "global()" },
  destination: { ports: [80, "443", "8000:8999", "http"] },
  metadata: { annotations: { b: "1", a: "2" } },
};

const documents: { kind: string; spec: object }[] = [
  { kind: "GlobalNetworkPolicy", spec: { types: ["Ingress"], selector: "all()", order: 1.5, ingress: [rule] } },
  { kind: "IPPool", spec: { natOutgoing: true, cidr: "10.0.0.0/16", allowedUses: ["Workload"] } },
  { kind: "BGPPeer", spec: { peerIP: "192.0.2.1", asNumber: "1.10", keepaliveTime: "90s" } },
  { kind: "CalicoNodeStatus", spec: { node: "n1", classes: ["BGP"], updatePeriodSeconds: 10 } },
  {
    kind: "FelixConfiguration",
    spec: { natPortRange: "1:2", bpfLogFilters: { eth0: "tcp" }, routeTableRange: { min: 1, max: 2 } },
  },
  { kind: "FabricPeer", spec: { interface: "eth0", maxPrefixes: { limit: 5 }, families: ["IPv4"], asNumber: 65000 } },
];

/** Each member at each depth: left out, or something else; and one more member beside it. */
function* variants(value: unknown): Generator<unknown> {
  yield value;
  for (const other of [null, -1, 2 ** 40, 0.5, "", "x", true, [], {}, ["x", "x"], { x: "x" }]) yield other;
  if (Array.isArray(value)) {
    for (const [i, item] of value.entries()) for (const variant of variants(item)) yield value.with(i, variant);
  } else if (typeof value === "object" && value !== null) {
    yield { ...value, oneMore: 1 };
    for (const [name, member] of Object.entries(value)) {
      const { [name]: _, ...others } = value as Record<string, unknown>;
      yield others;
      for (const variant of variants(member)) yield { ...value, [name]: variant };
    }
  }
}

describe("the quick parser takes what zod takes, and answers the same", () => {
  for (const { kind, spec } of documents) {
    for (const unknowns of ["kept", "refused"] as const) {
      it(`for every variant of a ${kind}, members that nobody knows ${unknowns}`, () => {
        assert.ok(isResourceKind(kind));
        const schema = kinds[kind].spec;
        const parse = quickParser(schema, unknowns);
        const counts = { right: 0, wrong: 0 };
        for (const variant of variants(spec)) {
          const ours = parse(variant);
          const theirs = schema.safeParse(variant);
          const isRight = theirs.success && (unknowns === "kept" || findUnknown(schema, variant).length === 0);
          assert.equal(ours !== notRight, isRight, formatJson(variant));
          if (theirs.success && isRight) assert.equal(formatJson(ours), formatJson(theirs.data));
          counts[isRight ? "right" : "wrong"] += 1;
        }
        assert.ok(counts.right > 3 && counts.wrong > 20, JSON.stringify(counts));
      });
    }
  }
});

describe("what the quick parser answers", () => {
  const parse = quickParser(kinds.GlobalNetworkPolicy.spec, "kept");
  const stored = {
    ingress: [{ action: "Allow", protocol: "TCP", destination: { ports: [80, "http"] } }],
    selector: "all()",
  };

  it("is the very value where it is stored as it is to be", () => assert.equal(parse(stored), stored));

  it("is another one where a part of it is to be another, and the given one stays", () => {
    const quoted = {
      ingress: [{ action: "Allow", protocol: "TCP", destination: { ports: [80, "443"] } }],
      selector: "all()",
    };
    const before = formatJson(quoted);
    assert.deepEqual(parse(quoted), {
      ...quoted,
      ingress: [{ action: "Allow", protocol: "TCP", destination: { ports: [80, 443] } }],
    });
    assert.equal(formatJson(quoted), before);
  });

  it("has its members in their order", () => {
    const { ingress, selector } = stored;
    assert.equal(formatJson(parse({ selector, oneMore: 1, ingress })), formatJson({ ...stored, oneMore: 1 }));
  });
});
