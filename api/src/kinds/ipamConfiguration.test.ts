import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { ipamConfigOf, ipamConfigurationOf } from "./ipamConfig.ts";
import type { IPAMConfigurationSpec } from "./ipamConfiguration.ts";
import { documentOf, problemsOf, type RefusedCase, storedTextOf, warningsOf } from "./testing.ts";

const named = { name: "default" };

const refused: RefusedCase[] = [
  {
    name: "under another name",
    spec: {},
    metadata: { name: "mine" },
    problems: ['metadata.name: "mine" must be default: there is one configuration'],
  },
  {
    name: "with more blocks than anybody has",
    spec: { strictAffinity: true, maxBlocksPerHost: 1_000_001 },
    problems: ['spec.maxBlocksPerHost: "1000001" is no whole number from 0 to 1000000'],
  },
  {
    name: "with a limit that is not strict",
    spec: { maxBlocksPerHost: 4 },
    problems: ['spec.maxBlocksPerHost: "4" needs strictAffinity: a node with enough blocks would go on with others\''],
  },
  {
    name: "where no node may have a block",
    spec: { autoAllocateBlocks: false },
    problems: [
      'spec.autoAllocateBlocks: "false" needs strictAffinity: a node without blocks would take all addresses of others\'',
    ],
  },
  {
    name: "with a cooldown of more than twenty minutes",
    spec: { ipCooldownSeconds: 1201 },
    problems: ['spec.ipCooldownSeconds: "1201" is no whole number from 0 to 1200'],
  },
  {
    name: "with a word for a flag",
    spec: { kubeVirtVMAddressPersistence: "On", strictAffinity: "yes" },
    problems: [
      'spec.strictAffinity: "yes" is not true or false',
      'spec.kubeVirtVMAddressPersistence: "On" is none of Enabled, Disabled',
    ],
  },
];

describe("an IPAMConfiguration", () => {
  for (const { name, spec, metadata, problems } of refused) {
    it(`is refused ${name}`, () =>
      assert.deepEqual(problemsOf(documentOf("IPAMConfiguration", spec, metadata ?? named)), problems));
  }

  const stored: { name: string; spec: object; text: string }[] = [
    { name: "its defaults", spec: {}, text: '{"strictAffinity":false,"autoAllocateBlocks":true}' },
    {
      name: "no limit of zero",
      spec: { maxBlocksPerHost: 0, autoAllocateBlocks: true, strictAffinity: false },
      text: '{"strictAffinity":false,"autoAllocateBlocks":true}',
    },
    {
      name: "all that was said",
      spec: {
        ipCooldownSeconds: 30,
        kubeVirtVMAddressPersistence: "Enabled",
        maxBlocksPerHost: 4,
        autoAllocateBlocks: false,
        strictAffinity: true,
      },
      text: '{"strictAffinity":true,"autoAllocateBlocks":false,"maxBlocksPerHost":4,"kubeVirtVMAddressPersistence":"Enabled","ipCooldownSeconds":30}',
    },
  ];
  for (const { name, spec, text } of stored) {
    it(`is stored with ${name}, in Calico's order`, () => {
      const whole = storedTextOf(documentOf("IPAMConfiguration", { ...spec }, named));
      assert.ok(whole.endsWith(`"spec":${text}}`), whole);
    });
  }

  it("warns of what nothing acts on, and only of that", () => {
    const spec = { kubeVirtVMAddressPersistence: "Enabled", ipCooldownSeconds: 1, strictAffinity: true };
    assert.deepEqual(
      warningsOf(documentOf("IPAMConfiguration", spec, named)).map(({ effect, path }) => [effect, path]),
      [["ignored", "spec.kubeVirtVMAddressPersistence"]],
    );
  });
});

describe("Calico's key of the same", () => {
  const pairs: { spec: IPAMConfigurationSpec; config: object }[] = [
    { spec: { strictAffinity: false, autoAllocateBlocks: true }, config: { auto_allocate_blocks: true } },
    { spec: { strictAffinity: true, autoAllocateBlocks: false }, config: { strict_affinity: true } },
    {
      spec: {
        strictAffinity: true,
        autoAllocateBlocks: true,
        maxBlocksPerHost: 3,
        kubeVirtVMAddressPersistence: "Disabled",
        ipCooldownSeconds: 30,
      },
      config: {
        strict_affinity: true,
        auto_allocate_blocks: true,
        maxBlocksPerHost: 3,
        kubeVirtVMAddressPersistence: "Disabled",
        ipCooldownSeconds: 30,
      },
    },
  ];
  for (const { spec, config } of pairs) {
    it(`is ${JSON.stringify(config)} for ${JSON.stringify(spec)}, and the way back`, () => {
      assert.deepEqual(ipamConfigOf(spec), config);
      assert.deepEqual(ipamConfigurationOf(config), spec);
    });
  }
});

describe("an IPReservation", () => {
  const problems: { name: string; nets: string[]; problems: string[] }[] = [
    {
      name: "an address without a length",
      nets: ["10.0.0.1"],
      problems: [
        'spec.reservedCIDRs[0]: "10.0.0.1" is no network, like 10.0.0.0/28; write /32 or /128 for one address',
      ],
    },
    { name: "a network twice", nets: ["::/64", "::/64"], problems: ["spec.reservedCIDRs: has an entry twice"] },
    { name: "nothing", nets: [], problems: [] },
    { name: "host bits", nets: ["10.0.0.1/28", "fd00::1/64"], problems: [] },
  ];
  for (const { name, nets, problems: expected } of problems) {
    it(`${expected.length > 0 ? "is refused" : "is accepted"} with ${name}`, () =>
      assert.deepEqual(problemsOf(documentOf("IPReservation", { reservedCIDRs: nets })), expected));
  }
});
