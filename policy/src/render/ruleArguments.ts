/**
 * A rule in the words of iptables, with a hash of itself in its comment. The kernel gives rules back in its own words
 * (other order, other numbers), so two rules are compared by this hash and never by their text; but for a few that have no
 * comment, since each packet meets them. The comment is a match that takes time, and stands behind all that may fail.
 */
import { type Family, formatAddress, formatPrefix, type RuleArguments } from "@brindle/net";
import { formatRange } from "../ports.ts";
import type { ChainRule, Match, Target } from "./ir.ts";
import { hash } from "./names.ts";

export interface RenderedRule {
  readonly arguments: RuleArguments;
  /** What tells it from others, also when it was saved (`identityOf`). */
  readonly identity: string;
}

/** What begins the comment of every rule of ours. */
const commentMark = "brdl:";
const hashLength = 16;
/** XT_MAX_COMMENT_LEN is 256 with its end; mark and hash take some of it. */
const commentLengthMax = 200;

/** `setName` tells the set in the kernel for a base name. */
export function ruleArguments(rule: ChainRule, family: Family, setName: (base: string) => string): RenderedRule {
  const matches = matchesWords(rule, family, setName);
  const target = targetWords(rule.target);
  if (rule.isBare) return { arguments: [...matches, ...target], identity: textOf([...matches, ...target]) };
  // Names in comments come from the datastore; a rule is one line of printable text.
  const comment = rule.comment.slice(0, commentLengthMax).replaceAll(/[^ -~]/g, "?");
  const digest = hash(`${comment}\n${textOf([...matches, ...target])}`).slice(0, hashLength);
  const commented = ["-m", "comment", "--comment", `${commentMark}${digest} ${comment}`];
  return { arguments: [...matches, ...commented, ...target], identity: digest };
}

/** What a rule does, without its comment. */
export function ruleText(rule: ChainRule, family: Family, setName: (base: string) => string): string {
  return textOf([...matchesWords(rule, family, setName), ...targetWords(rule.target)]);
}

function textOf(words: RuleArguments): string {
  return words.join(" ");
}

/** The hash of a rule as it was saved; `null` for a rule that is not ours. */
export function hashOf(saved: RuleArguments): string | null {
  const comment = saved[saved.indexOf("--comment") + 1] ?? "";
  return comment.startsWith(commentMark) ? comment.slice(commentMark.length).slice(0, hashLength) : null;
}

/** What tells a saved rule from others: of one with a comment of ours its hash, of any other its words. */
export function identityOf(saved: RuleArguments): string {
  return hashOf(saved) ?? textOf(saved);
}

/** The sets that a saved rule refers to. */
export function setsOf(saved: RuleArguments): string[] {
  return saved.flatMap((word, index) => (word === "--match-set" ? (saved[index + 1] ?? []) : []));
}

/** Where a saved rule jumps or goes to. */
export function targetOf(saved: RuleArguments): string | null {
  const option = saved.findIndex((word) => word === "-j" || word === "-g");
  return option < 0 ? null : (saved[option + 1] ?? null);
}

function matchesWords({ matches }: ChainRule, family: Family, setName: (base: string) => string): string[] {
  return matches.flatMap((match) => matchWords(match, family, setName));
}

function matchWords(match: Match, family: Family, setName: (base: string) => string): string[] {
  const not = "negated" in match && match.negated ? ["!"] : [];
  switch (match.kind) {
    case "protocol":
      return [...not, "-p", String(match.protocol)];
    case "net":
      return [...not, match.side === "source" ? "-s" : "-d", formatPrefix(match.net)];
    case "set": {
      const side = match.side === "source" ? "src" : "dst";
      return ["-m", "set", ...not, "--match-set", setName(match.set), match.withPort ? `${side},${side}` : side];
    }
    case "ends":
      return ["-m", "set", "--match-set", setName(match.set), match.side === "source" ? "src,src" : "dst,dst"];
    case "ports": {
      const option = match.side === "source" ? "--sports" : "--dports";
      return ["-m", "multiport", ...not, option, match.ranges.map(formatRange).join(",")];
    }
    case "icmp": {
      const type = match.code === null ? String(match.type) : `${match.type}/${match.code}`;
      return family === 4
        ? ["-m", "icmp", ...not, "--icmp-type", type]
        : ["-m", "icmp6", ...not, "--icmpv6-type", type];
    }
    case "mark":
      return ["-m", "mark", ...not, "--mark", `${hex(match.mark)}/${hex(match.mark)}`];
    case "flowMark":
      return ["-m", "connmark", "--mark", `${hex(match.mark)}/${hex(match.mark)}`];
    case "limit":
      return ["-m", "limit", "--limit", `${match.perSecond}/sec`, "--limit-burst", String(match.perSecond)];
    case "rate":
      return ["-m", "limit", "--limit", match.rate, "--limit-burst", String(match.burst)];
    case "connection":
      return ["-m", "conntrack", "--ctstate", match.states.join(",")];
    case "connections":
      return [
        "-m",
        "connlimit",
        "--connlimit-above",
        String(match.above),
        "--connlimit-mask",
        "0",
        "--connlimit-saddr",
      ];
    case "interface":
      return [match.direction === "in" ? "-i" : "-o", match.name];
  }
}

function targetWords(target: Target): string[] {
  switch (target.kind) {
    case "accept":
    case "drop":
    case "reject":
    case "return":
    case "masquerade":
      return ["-j", target.kind.toUpperCase()];
    case "reset":
      return ["-j", "REJECT", "--reject-with", "tcp-reset"];
    case "dnat":
      return ["-j", "DNAT", "--to-destination", formatAddress(target.to)];
    case "snat":
      return ["-j", "SNAT", "--to-source", formatAddress(target.to)];
    case "setCodepoint":
      return ["-j", "DSCP", "--set-dscp", String(target.codepoint)];
    case "untrack":
      return ["-j", "CT", "--notrack"];
    case "log":
      return ["-j", "LOG", ...(target.prefix ? ["--log-prefix", target.prefix] : []), "--log-level", "notice"];
    case "tell":
      return ["-j", "NFLOG", "--nflog-group", String(target.group), "--nflog-size", String(target.bytes)];
    case "jump":
      return ["-j", target.chain];
    case "goto":
      return ["-g", target.chain];
    case "setMark":
      return ["-j", "MARK", "--set-xmark", `${hex(target.mark)}/${hex(target.mark)}`];
    case "clearMark":
      return ["-j", "MARK", "--set-xmark", `0x0/${hex(target.mark)}`];
  }
}

function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16)}`;
}
