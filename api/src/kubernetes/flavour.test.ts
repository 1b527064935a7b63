import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { chooseFlavour } from "./flavour.ts";

const native = "projectcalico.org";
const older = "crd.projectcalico.org";

describe("chooseFlavour", () => {
  const rows = [
    {
      name: "takes the native CRDs where there are no others",
      groups: [native, "apps"],
      flavour: "v3",
      isInstalled: true,
    },
    { name: "takes the older CRDs where there are no others", groups: [older], flavour: "v1", isInstalled: true },
    {
      name: "takes the older CRDs beside an API server that serves the native group from them",
      groups: [native, older],
      flavour: "v1",
      isInstalled: true,
    },
    {
      name: "means the native CRDs in a cluster that has neither",
      groups: ["apps"],
      flavour: "v3",
      isInstalled: false,
    },
    {
      name: "takes what the operator names",
      groups: [native, older],
      apiGroup: "projectcalico.org/v3",
      flavour: "v3",
      isInstalled: true,
    },
    {
      name: "takes what the operator names, installed or not",
      groups: [native],
      apiGroup: "crd.projectcalico.org/v1",
      flavour: "v1",
      isInstalled: false,
    },
    { name: "takes an empty name for none", groups: [older], apiGroup: "", flavour: "v1", isInstalled: true },
  ];
  for (const { name, groups, apiGroup, flavour, isInstalled } of rows) {
    it(name, () => assert.deepEqual(chooseFlavour({ groups, apiGroup }), { kind: "chosen", flavour, isInstalled }));
  }

  it("refuses another group by name, and says which there are", () => {
    const choice = chooseFlavour({ groups: [native], apiGroup: "projectcalico.org/v4" });
    assert.equal(choice.kind, "refused");
    assert.match(
      choice.kind === "refused" ? choice.reason : "",
      /"projectcalico.org\/v4".*projectcalico.org\/v3 or crd/,
    );
  });
});
