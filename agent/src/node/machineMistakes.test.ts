import assert from "node:assert/strict";
import type { KernelFailure } from "@brindle/net";
import { describe, it } from "vitest";
import { type MachineFacts, machineMistakes } from "./machineMistakes.ts";

const well: MachineFacts = { missingCommands: [], veth: null, forwarding: null, lacking: [] };
const refused = (code: "NOT_SUPPORTED" | "DENIED", name: string, text: string): KernelFailure => ({
  code,
  object: "create",
  errno: 1,
  name,
  text,
});
const said = (stderr: string): KernelFailure => ({
  code: "COMMAND_FAILED",
  command: "iptables-nft-restore",
  exitCode: 2,
  stderr,
});

const rows: { name: string; facts: Partial<MachineFacts>; says: readonly RegExp[] }[] = [
  { name: "nothing of a machine that has all", facts: {}, says: [] },
  {
    name: "commands, and then not what could not be asked without them",
    facts: { missingCommands: ["iptables"], lacking: [{ module: "nf_tables", failure: said("") }] },
    says: [/^CommandMissing iptables cannot be found$/],
  },
  {
    name: "veth interfaces",
    facts: { veth: refused("NOT_SUPPORTED", "EOPNOTSUPP", "Unknown device type") },
    says: [/^VethMissing .*: Unknown device type \(EOPNOTSUPP\)$/],
  },
  {
    name: "the right to make interfaces",
    facts: { veth: refused("DENIED", "EPERM", "operation not permitted") },
    says: [/^CapabilityMissing no interface of the kind veth can be made: operation not permitted/],
  },
  {
    name: "forwarding",
    facts: { forwarding: refused("DENIED", "EROFS", "read-only file system") },
    says: [/^ForwardingNotWritable forwarding cannot be turned on: read-only file system \(EROFS\)$/],
  },
  {
    name: "a match, in the words of iptables and once for both families",
    facts: {
      lacking: [
        {
          module: "xt_set",
          failure: said(
            "iptables v1.8.11\nWarning: Extension set revision 0 not supported, missing kernel module?\nline 3 failed",
          ),
        },
        { module: "xt_set", failure: said("Warning: Extension set revision 0 not supported, missing kernel module?") },
      ],
    },
    says: [
      /^KernelFeatureMissing the kernel lacks xt_set: Warning: Extension set revision 0 not supported, missing kernel module\?$/,
    ],
  },
  {
    name: "sets",
    facts: {
      lacking: [{ module: "ip_set_hash_net", failure: refused("NOT_SUPPORTED", "EINVAL", "invalid argument") }],
    },
    says: [/^KernelFeatureMissing the kernel lacks ip_set_hash_net: invalid argument \(EINVAL\)$/],
  },
  {
    name: "the right to the packet filter",
    facts: {
      lacking: [
        {
          module: "nf_tables",
          failure: said("iptables: Could not fetch rule set generation id: Permission denied (you must be root)"),
        },
      ],
    },
    says: [/^CapabilityMissing the packet filter refuses the agent: nf_tables: /],
  },
];

describe("what a machine lacks", () => {
  for (const { name, facts, says } of rows) {
    it(`is ${name}`, () => {
      const found = machineMistakes({ ...well, ...facts }).map(({ code, text }) => `${code} ${text}`);
      assert.equal(found.length, says.length, found.join("\n"));
      for (const [i, pattern] of says.entries()) assert.match(found[i] ?? "", pattern);
    });
  }
});
