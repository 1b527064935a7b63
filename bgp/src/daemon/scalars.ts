/** The values that fields of the daemon's YAML have. */
import { type Family, formatAddress, formatPrefix, parseAddress, parsePrefix } from "@brindle/net";
import { parseCommunity } from "../filter/community.ts";
import { scalar, type Value } from "./field.ts";

export const text: Value<string> = scalar("text", (value) =>
  typeof value === "string" && value !== "" ? { value } : { fault: "is no text" },
);

export const flag: Value<boolean> = scalar("true or false", (value) =>
  typeof value === "boolean" ? { value } : { fault: "is neither true nor false" },
);

export function whole(min: number, max: number): Value<number> {
  return scalar(`${min} to ${max}`, (value) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max
      ? { value: Number(value) }
      : { fault: `is no whole number from ${min} to ${max}` },
  );
}

export function oneOf<const T extends string>(...words: readonly T[]): Value<T> {
  return scalar(words.join(", "), (value) => {
    const word = words.find((each) => each === value);
    return word === undefined ? { fault: `is none of ${words.join(", ")}` } : { value: word };
  });
}

/** Plain, or as two halves with a dot between (RFC 5396). */
export const asNumber: Value<number> = scalar("AS number", (value) => {
  const [, high, low] = /^(\d{1,5})\.(\d{1,5})$/.exec(typeof value === "string" ? value : "") ?? [];
  const number =
    high === undefined ? value : Number(high) <= 65535 && Number(low) <= 65535 && Number(high) * 65536 + Number(low);
  const isAsNumber = typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= 0xffffffff;
  return isAsNumber ? { value: number } : { fault: "is no AS number from 1 to 4294967295, or like 1.10" };
});

const secondsOf: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 };

/** `90s`, `1m30s`, as Go writes them; in seconds. */
export function duration(min: number, max: number, options: { readonly orZero?: boolean } = {}): Value<number> {
  const zero = options.orZero ? "0s, or " : "";
  return scalar(`duration`, (value) => {
    if (typeof value !== "string" || !/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(value)) {
      return { fault: "is no duration like 90s or 1m30s" };
    }
    let seconds = 0;
    for (const [, number, unit] of value.matchAll(/([0-9.]+)([a-z]+)/g))
      seconds += Number(number) * (secondsOf[unit ?? ""] ?? 0);
    const isWithin = (seconds >= min && seconds <= max) || (options.orZero && seconds === 0);
    if (!isWithin || !Number.isInteger(seconds)) return { fault: `is not ${zero}${min}s to ${max}s in whole seconds` };
    return { value: seconds };
  });
}

/** The same for times that are short: whole milliseconds. */
export function shortDuration(minMs: number, maxMs: number): Value<number> {
  return scalar("duration", (value) => {
    const [, number, unit = ""] = /^(\d+)(ms|s)$/.exec(typeof value === "string" ? value : "") ?? [];
    if (number === undefined) return { fault: "is no duration like 300ms or 1s" };
    const ms = Number(number) * (unit === "s" ? 1000 : 1);
    return ms >= minMs && ms <= maxMs ? { value: ms } : { fault: `is not ${minMs}ms to ${maxMs / 1000}s` };
  });
}

export function address(family?: Family): Value<string> {
  const name = family === undefined ? "address" : `IPv${family} address`;
  return scalar(name, (value) => {
    const parsed = typeof value === "string" ? parseAddress(value) : null;
    if (!parsed || (family !== undefined && parsed.family !== family)) return { fault: `is no ${name}` };
    return { value: formatAddress(parsed) };
  });
}

export const routerId: Value<string> = scalar("dotted quad", (value) => {
  const parsed = typeof value === "string" ? parseAddress(value) : null;
  return parsed?.family === 4 && parsed.value !== 0n
    ? { value: formatAddress(parsed) }
    : { fault: "is no dotted quad but 0.0.0.0" };
});

/** The canonical text. */
export const prefix: Value<string> = scalar("prefix", (value) => {
  const parsed = typeof value === "string" ? parsePrefix(value) : null;
  return parsed ? { value: formatPrefix(parsed) } : { fault: "is no prefix like 10.0.0.0/8, without host bits" };
});

export interface Endpoint {
  readonly address: string;
  readonly port?: number;
}

/** `address`, `address:port` or `[v6]:port`, as in Calico. */
export const endpoint: Value<Endpoint> = scalar<Endpoint>("address, address:port, [v6]:port", (value) => {
  const plain = typeof value === "string" ? parseAddress(value) : null;
  if (plain) return { value: { address: formatAddress(plain) } };
  const parts = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:]+)):(?<port>\d{1,5})$/.exec(
    typeof value === "string" ? value : "",
  )?.groups;
  const host = parseAddress(parts?.v6 ?? parts?.v4 ?? "");
  const port = Number(parts?.port);
  if (!host || host.family !== (parts?.v6 ? 6 : 4) || port < 1 || port > 65535) {
    return { fault: "is no address, address:port or [IPv6 address]:port" };
  }
  return { value: { address: formatAddress(host), port } };
});

export const family: Value<Family> = scalar("ipv4, ipv6", (value) => {
  if (value === "ipv4" || value === "ipv6") return { value: value === "ipv4" ? 4 : 6 };
  return { fault: "is neither ipv4 nor ipv6" };
});

export const community: Value<string> = scalar("community", (value) =>
  typeof value === "string" && parseCommunity(value)
    ? { value }
    : { fault: "is no community: aa:nn, aa:nn:mm, or the name of a well-known one" },
);
