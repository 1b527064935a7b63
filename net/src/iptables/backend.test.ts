import { describe, expect, it } from "vitest";
import { type BackendSigns, chooseBackend, type TablesBackend } from "./backend.ts";

const none: BackendSigns = { commandVersion: "iptables v1.8.9 (nf_tables)", nftSave: "", legacySave: "" };
const oneRule = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n";
const hint = "*mangle\n:KUBE-IPTABLES-HINT - [0:0]\nCOMMIT\n";

const rows: { name: string; signs: Partial<BackendSigns>; chosen: TablesBackend }[] = [
  { name: "follows the command where nobody has rules", signs: {}, chosen: "nft" },
  {
    name: "follows a legacy command where nobody has rules",
    signs: { commandVersion: "iptables v1.8.9 (legacy)" },
    chosen: "legacy",
  },
  {
    name: "takes a version without a word for legacy",
    signs: { commandVersion: "iptables v1.6.1" },
    chosen: "legacy",
  },
  { name: "takes nft without an iptables command", signs: { commandVersion: null }, chosen: "nft" },
  { name: "follows whoever has rules", signs: { legacySave: oneRule }, chosen: "legacy" },
  { name: "follows kubelet's hint rather than rules", signs: { nftSave: hint, legacySave: oneRule }, chosen: "nft" },
  {
    name: "counts rules where both have hints",
    signs: { nftSave: hint, legacySave: hint + oneRule },
    chosen: "legacy",
  },
];

describe("chooseBackend", () => {
  for (const { name, signs, chosen } of rows) it(name, () => expect(chooseBackend({ ...none, ...signs })).toBe(chosen));
});
