/**
 * A rule in the words of iptables, with a hash of itself in its comment. The kernel gives rules back in its own words
 * (other order, other numbers), so two rules are compared by this hash and never by their text.
 */
import { type Family, formatPrefix } from "@brindle/net";
import { formatRange } from "../ports.ts";
import type { ChainRule, Match, Target } from "./ir.ts";
import { hash } from "./names.ts";

/** What begins the comment of every rule of ours. */
export const commentMark = "brdl:";
const hashLength = 16;
/** XT_MAX_COMMENT_LEN is 256 with its end; hash and mark take some of it. */
const commentLengthMax = 200;

export interface RuleText {
  /** Everything behind `-A CHAIN`. */
  readonly text: string;
  readonly hash: string;
}

/** `setName` tells the set in the kernel for a base name. */
export function ruleText(rule: ChainRule, family: Family, setName: (base: string) => string): RuleText {
  const words = [...rule.matches.map((match) => matchText(match, family, setName)), targetText(rule.target)].join(" ");
  const comment = rule.comment.slice(0, commentLengthMax);
  const digest = hash(`${comment} ${words}`).slice(0, hashLength);
  return { text: `-m comment --comment "${commentMark}${digest} ${comment}" ${words}`, hash: digest };
}

/** The hash in a line of `iptables-save`; `null` for a rule that is not ours. */
export function hashOf(saved: string): string | null {
  return /--comment "?brdl:([A-Za-z0-9_-]{16})[" ]/.exec(saved)?.[1] ?? null;
}

function matchText(match: Match, family: Family, setName: (base: string) => string): string {
  const not = "negated" in match && match.negated ? "! " : "";
  switch (match.kind) {
    case "protocol":
      return `${not}-p ${match.protocol}`;
    case "net":
      return `${not}${match.side === "source" ? "-s" : "-d"} ${formatPrefix(match.net)}`;
    case "set": {
      const side = match.side === "source" ? "src" : "dst";
      return `-m set ${not}--match-set ${setName(match.set)} ${match.withPort ? `${side},${side}` : side}`;
    }
    case "ports": {
      const option = match.side === "source" ? "--sports" : "--dports";
      return `-m multiport ${not}${option} ${match.ranges.map(formatRange).join(",")}`;
    }
    case "icmp": {
      const [module, option] = family === 4 ? ["icmp", "--icmp-type"] : ["icmp6", "--icmpv6-type"];
      return `-m ${module} ${not}${option} ${match.type}${match.code === null ? "" : `/${match.code}`}`;
    }
    case "mark":
      return `-m mark ${not}--mark ${hex(match.mark)}/${hex(match.mark)}`;
    case "connection":
      return `-m conntrack --ctstate ${match.states.join(",")}`;
    case "interface":
      return `${match.direction === "in" ? "-i" : "-o"} ${match.name}`;
  }
}

function targetText(target: Target): string {
  switch (target.kind) {
    case "accept":
    case "drop":
    case "return":
    case "masquerade":
      return `-j ${target.kind.toUpperCase()}`;
    case "log":
      return `-j LOG --log-prefix "${target.prefix}" --log-level notice`;
    case "jump":
      return `-j ${target.chain}`;
    case "goto":
      return `-g ${target.chain}`;
    case "setMark":
      return `-j MARK --set-xmark ${hex(target.mark)}/${hex(target.mark)}`;
    case "clearMark":
      return `-j MARK --set-xmark 0x0/${hex(target.mark)}`;
  }
}

function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16)}`;
}
