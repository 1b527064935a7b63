/** What the kernel of a node and the container of its agent must have, and what it means that they have not. */
import type { KernelFailure } from "@brindle/net";
import type { Mistake } from "./mistakes.ts";

/** A thing of the packet filter that our rules use, and what tells whether the kernel has it. */
export interface Feature {
  /** As `modprobe` names it. */
  readonly module: string;
  readonly table: "filter" | "nat";
  /** A rule that needs it and says nothing. */
  readonly rule: readonly string[];
}

/** `setName`: of a set that is there. Matches first, as in `policy`'s rendering of rules. */
export function featuresOf(family: 4 | 6, setName: string): readonly Feature[] {
  const filter = (module: string, ...rule: string[]): Feature => ({ module, table: "filter", rule });
  return [
    filter("xt_comment", "-m", "comment", "--comment", "probe"),
    filter("xt_conntrack", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"),
    filter("xt_set", "-m", "set", "--match-set", setName, "src"),
    filter("xt_mark", "-m", "mark", "--mark", "0x1/0x1"),
    filter("xt_mark", "-j", "MARK", "--set-xmark", "0x1/0x1"),
    filter("xt_multiport", "-p", "tcp", "-m", "multiport", "--dports", "1,2"),
    family === 4
      ? filter("icmp match", "-p", "icmp", "-m", "icmp", "--icmp-type", "8")
      : filter("icmp6 match", "-p", "ipv6-icmp", "-m", "icmp6", "--icmpv6-type", "128"),
    filter("xt_LOG", "-j", "LOG", "--log-level", "notice"),
    { module: "xt_MASQUERADE", table: "nat", rule: ["-j", "MASQUERADE"] },
  ];
}

export interface MachineFacts {
  /** Commands that are not on the path. */
  readonly missingCommands: readonly string[];
  /** What came of asking the kernel for an interface of the kind, `null` where it has it. */
  readonly veth: KernelFailure | null;
  /** What came of making the node a router; `null` where it is one. */
  readonly forwarding: KernelFailure | null;
  /** Of each feature that the kernel refused, or of the tables altogether, by its module, with the kernel's words. */
  readonly lacking: readonly { readonly module: string; readonly failure: KernelFailure }[];
}

export function machineMistakes({ missingCommands, veth, forwarding, lacking }: MachineFacts): Mistake[] {
  const found: Mistake[] = [];
  if (missingCommands.length > 0) {
    found.push({ code: "CommandMissing", text: `${missingCommands.join(", ")} cannot be found` });
  }
  if (veth) {
    const text = `no interface of the kind veth can be made: ${wordsOf(veth)}`;
    found.push({ code: veth.code === "DENIED" ? "CapabilityMissing" : "VethMissing", text });
  }
  if (forwarding) {
    found.push({ code: "ForwardingNotWritable", text: `forwarding cannot be turned on: ${wordsOf(forwarding)}` });
  }
  // Without the command nothing can be asked of the kernel.
  if (missingCommands.length > 0 || lacking.length === 0) return found;
  const isDenied = lacking.every(({ failure }) => isDenial(failure));
  const words = [...new Map(lacking.map(({ module, failure }) => [module, wordsOf(failure)]))];
  const text = words.map(([module, said]) => `${module}: ${said}`).join("; ");
  found.push(
    isDenied
      ? { code: "CapabilityMissing", text: `the packet filter refuses the agent: ${text}` }
      : { code: "KernelFeatureMissing", text: `the kernel lacks ${text}` },
  );
  return found;
}

function isDenial(failure: KernelFailure): boolean {
  if (failure.code !== "COMMAND_FAILED") return failure.code === "DENIED";
  return /permission denied|operation not permitted|must be root/i.test(failure.stderr);
}

/** Of a command its last line that says something: what stands before is its name and advice. */
function wordsOf(failure: KernelFailure): string {
  if (failure.code === "COMMAND_FAILED") {
    const lines = failure.stderr.split("\n").map((line) => line.trim());
    return lines.find((line) => /extension|load|support|denied|permitted|exist|fail/i.test(line)) ?? lines[0] ?? "";
  }
  return "text" in failure ? `${failure.text} (${failure.name})` : failure.code;
}
