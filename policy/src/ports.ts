/** The ports of a rule: numbers, ranges `a:b`, and names that each endpoint resolves for itself. */
import type { PortSpec } from "@brindle/api";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface PortMatch {
  readonly ranges: readonly PortRange[];
  readonly names: readonly string[];
}

/** `null` when a number is out of range or a range runs backwards. */
export function parsePorts(specs: readonly PortSpec[]): PortMatch | null {
  const ranges: PortRange[] = [];
  const names: string[] = [];
  for (const spec of specs) {
    if (typeof spec === "number") {
      if (!Number.isInteger(spec) || spec < 0 || spec > 65535) return null;
      ranges.push({ first: spec, last: spec });
      continue;
    }
    const digits = /^([0-9]{1,5})(?::([0-9]{1,5}))?$/.exec(spec);
    if (!digits) {
      if (spec === "" || /[:\s]/.test(spec)) return null;
      names.push(spec);
      continue;
    }
    const first = Number(digits[1]);
    const last = Number(digits[2] ?? digits[1]);
    if (first > last || last > 65535) return null;
    ranges.push({ first, last });
  }
  return { ranges, names };
}

export function inRanges(ranges: readonly PortRange[], port: number): boolean {
  return ranges.some(({ first, last }) => first <= port && port <= last);
}

export function formatRange({ first, last }: PortRange): string {
  return first === last ? String(first) : `${first}:${last}`;
}
