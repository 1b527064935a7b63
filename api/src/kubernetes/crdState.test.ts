import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { crdKinds, customResourceDefinition } from "../crd/customResourceDefinition.ts";
import { crdFault, writtenCrds } from "./crdState.ts";
import type { ApiObject } from "./source.ts";

const established = { conditions: [{ type: "Established", status: "True" }] };

/** A CRD of ours as a server has it; `change` is made to its only version. */
function served(plural: string, change: (version: Record<string, unknown>) => object = (same) => same): ApiObject {
  const own = crdKinds.find((kind) => kind.plural === plural);
  assert(own);
  const crd = structuredClone(customResourceDefinition(own)) as ApiObject & {
    spec: { versions: Record<string, unknown>[] };
  };
  return { ...crd, spec: { ...crd.spec, versions: crd.spec.versions.map(change) }, status: established };
}

const schema = (spec: object) => (version: Record<string, unknown>) => ({
  ...version,
  schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
});

const rows: { name: string; plural: string; crd: ApiObject | null; fault: unknown }[] = [
  { name: "nothing of our own", plural: "ipamblocks", crd: served("ipamblocks"), fault: null },
  { name: "one that is not there", plural: "ippools", crd: null, fault: "missing" },
  {
    name: "one that is not established, with the server's reason",
    plural: "ippools",
    crd: {
      ...served("ippools"),
      status: {
        conditions: [
          { type: "NamesAccepted", status: "False", message: '"ippools" is already in use' },
          { type: "Established", status: "False", message: "not all names are accepted" },
        ],
      },
    },
    fault: 'is not established: "ippools" is already in use',
  },
  {
    name: "one of which the server has not thought yet",
    plural: "ippools",
    crd: { ...served("ippools"), status: undefined },
    fault: "is not established",
  },
  {
    name: "another version",
    plural: "ippools",
    crd: served("ippools", (version) => ({ ...version, name: "v1" })),
    fault: "serves v1, and not v3",
  },
  {
    name: "a version that is not served",
    plural: "ippools",
    crd: served("ippools", (version) => ({ ...version, served: false })),
    fault: "serves no version, and not v3",
  },
  {
    name: "a field that it would drop, of a list's entries too",
    plural: "ipamblocks",
    crd: served(
      "ipamblocks",
      schema({
        type: "object",
        properties: Object.fromEntries(
          ["cidr", "affinity", "affinityClaimTime", "strictAffinity", "allocations", "unallocated", "deleted"].map(
            (name) => [name, {}],
          ),
        ),
      }),
    ),
    fault: /^does not know spec\.attributes\[\]\.handle_id, spec\.attributes\[\]\.secondary, spec\.sequenceNumber, /,
  },
  {
    name: "nothing without fields that no agent writes",
    plural: "ippools",
    crd: served(
      "ippools",
      schema({ type: "object", properties: { cidr: {}, ipipMode: {}, vxlanMode: {}, natOutgoing: {} } }),
    ),
    fault: null,
  },
  {
    name: "nothing where unknown fields are kept",
    plural: "ipamblocks",
    crd: served("ipamblocks", schema({ type: "object", "x-kubernetes-preserve-unknown-fields": true })),
    fault: null,
  },
];

describe("what is wrong with a CRD", () => {
  for (const { name, plural, crd, fault } of rows) {
    it(`is ${name}`, () => {
      const found = crdFault(`${plural}.projectcalico.org`, crd);
      if (fault === null) assert.equal(found, null);
      else if (fault === "missing") assert.equal(found?.kind, "missing");
      else if (fault instanceof RegExp) assert.match(found?.kind === "outdated" ? found.reason : "", fault);
      else assert.equal(found?.kind === "outdated" && found.reason, fault);
    });
  }

  it("is nothing for any that this version brings", () => {
    for (const name of writtenCrds) assert.equal(crdFault(name, served(name.split(".")[0] ?? "")), null, name);
  });
});
