/** What becomes of the first packet of a flow in a model of the kernel: by the very words that iptables is told. */
import { type Address, containsAddress, parsePrefix, type RuleArguments, type TableName } from "@brindle/net";
import type { ModelView } from "./modelKernel.ts";

export interface ModelPacket {
  readonly source: Address;
  readonly destination: Address;
  /** By which interface it comes, and goes; `null` for the node itself. */
  readonly from: string | null;
  readonly to: string | null;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
}

type End = "accept" | "drop" | "return";

interface Target {
  readonly kind: "end" | "jump" | "goto" | "mark" | "next";
  readonly end: End;
  readonly chain: string;
  readonly value: number;
  readonly mask: number;
}

interface Walker {
  readonly view: ModelView;
  readonly packet: ModelPacket;
  mark: number;
}

interface Rule {
  readonly matches: readonly ((walker: Walker) => boolean)[];
  readonly target: Target;
}

/** Rules of others accept what nobody drops. What happens to destinations is no matter here. */
export function passes(view: ModelView, packet: ModelPacket): boolean {
  const walker: Walker = { view, packet, mark: 0 };
  return waysOf(packet).every(([table, chain]) => through(walker, table, chain) !== "drop");
}

function waysOf({ from, to }: ModelPacket): [TableName, string][] {
  const before: [TableName, string][] =
    from === null
      ? [["raw", "OUTPUT"]]
      : [
          ["raw", "PREROUTING"],
          ["mangle", "PREROUTING"],
        ];
  return [...before, ["filter", from === null ? "OUTPUT" : to === null ? "INPUT" : "FORWARD"]];
}

function through(walker: Walker, table: TableName, chain: string): End {
  for (const words of walker.view.chain(table, chain)) {
    const { matches, target } = ruleOf(words);
    if (!matches.every((match) => match(walker))) continue;
    if (target.kind === "end") return target.end;
    if (target.kind === "mark") walker.mark = ((walker.mark & ~target.mask) ^ target.value) >>> 0;
    if (target.kind === "next" || target.kind === "mark") continue;
    const end = through(walker, table, target.chain);
    if (end !== "return" || target.kind === "goto") return end;
  }
  return "return";
}

const parsed = new WeakMap<RuleArguments, Rule>();

function ruleOf(words: RuleArguments): Rule {
  const known = parsed.get(words);
  if (known) return known;
  const made = new RuleReader(words).rule();
  parsed.set(words, made);
  return made;
}

const ends: Readonly<Record<string, End>> = { ACCEPT: "accept", DROP: "drop", REJECT: "drop", RETURN: "return" };

class RuleReader {
  readonly #words: RuleArguments;
  #at = 0;
  #isNegated = false;
  readonly #matches: ((walker: Walker) => boolean)[] = [];
  #target: Target = { kind: "next", end: "return", chain: "", value: 0, mask: 0 };

  constructor(words: RuleArguments) {
    this.#words = words;
  }

  rule(): Rule {
    while (this.#at < this.#words.length) this.#option(this.#next());
    return { matches: this.#matches, target: this.#target };
  }

  #next(): string {
    return this.#words[this.#at++] ?? "";
  }

  #option(option: string): void {
    if (option === "!") this.#isNegated = true;
    else if (option === "-j" || option === "-g") this.#readTarget(option);
    else if (option === "-m" || option === "--comment") this.#next();
    else if (/^--(limit|nflog|log|reject)/.test(option)) this.#next();
    else this.#match(this.#testOf(option));
  }

  #match(test: (walker: Walker) => boolean): void {
    const isNegated = this.#isNegated;
    this.#isNegated = false;
    this.#matches.push((walker) => test(walker) !== isNegated);
  }

  #testOf(option: string): (walker: Walker) => boolean {
    const value = this.#next();
    switch (option) {
      case "-i":
        return ({ packet }) => isCalled(value, packet.from);
      case "-o":
        return ({ packet }) => isCalled(value, packet.to);
      case "-p":
        return ({ packet }) => packet.protocol === Number(value);
      case "-s":
      case "-d": {
        const prefix = parsePrefix(value);
        if (!prefix) throw new Error(`${value} is no network`);
        return ({ packet }) => containsAddress(prefix, option === "-s" ? packet.source : packet.destination);
      }
      case "--dports":
        return ({ packet }) => inPorts(value, packet.destinationPort);
      case "--sports":
        return ({ packet }) => inPorts(value, packet.sourcePort);
      case "--mark": {
        const [wanted = 0, mask = 0] = value.split("/").map(Number);
        const isOfFlow = this.#words.includes("connmark");
        return (walker) => !isOfFlow && (walker.mark & mask) >>> 0 === wanted;
      }
      case "--ctstate":
        return () => value.split(",").includes("NEW");
      case "--match-set": {
        const sides = this.#next();
        return ({ view, packet }) => isInSet(view, value, { sides, packet });
      }
      default:
        throw new Error(`the model does not know ${option} ${value}`);
    }
  }

  #readTarget(option: "-j" | "-g"): void {
    const word = this.#next();
    const end = ends[word];
    if (end) this.#target = { ...this.#target, kind: "end", end };
    else if (word === "MARK") {
      this.#next();
      const [value = 0, mask = 0] = this.#next().split("/").map(Number);
      this.#target = { ...this.#target, kind: "mark", value, mask };
    } else if (word === "CT") this.#next();
    else if (word !== "LOG" && word !== "NFLOG") {
      this.#target = { ...this.#target, kind: option === "-j" ? "jump" : "goto", chain: word };
    }
  }
}

function isCalled(pattern: string, name: string | null): boolean {
  if (name === null) return false;
  return pattern.endsWith("+") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function inPorts(ranges: string, port: number): boolean {
  return ranges.split(",").some((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    return first <= port && port <= last;
  });
}

function isInSet(
  view: ModelView,
  name: string,
  { sides, packet }: { readonly sides: string; readonly packet: ModelPacket },
): boolean {
  const isSource = sides.startsWith("src");
  const address = isSource ? packet.source : packet.destination;
  for (const element of view.set(name)?.elements.values() ?? []) {
    if ("port" in element) {
      const port = isSource ? packet.sourcePort : packet.destinationPort;
      const isSame = element.address.value === address.value && element.address.family === address.family;
      if (isSame && element.port === port && element.protocol === packet.protocol) return true;
      continue;
    }
    if (!containsAddress(element, address)) continue;
    if (!("interfaceName" in element) || element.interfaceName === (isSource ? packet.from : packet.to)) return true;
  }
  return false;
}
