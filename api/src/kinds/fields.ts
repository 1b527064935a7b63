/** Schemas of the values that several kinds have: addresses, names, ports, selectors. */
import { type Address, isLinkLocal, parseAddress, parseCidr, parsePrefix } from "@brindle/net";
import * as z from "zod";
import { parseSelector } from "../selector/selector.ts";
import { durationMs, goDuration, goDurationForm } from "./goDuration.ts";
import { checked, withOpenApi } from "./schema.ts";

export const text: z.ZodType<string> = z.string();
export const flag: z.ZodType<boolean> = z.boolean();

export function textUpTo(max: number): z.ZodType<string> {
  const fault = (value: string) =>
    value.length <= max ? null : `has ${value.length} characters, at most ${max} are allowed`;
  return withOpenApi(checked(text, fault), { maxLength: max });
}

export function oneOf<const T extends string>(...values: readonly T[]): z.ZodType<T> {
  return z.enum(values);
}

export function integer(min: number, max: number): z.ZodType<number> {
  const schema = checked(z.number(), (value) =>
    Number.isInteger(value) && value >= min && value <= max ? null : `is no whole number from ${min} to ${max}`,
  );
  const format = Math.max(-min, max) <= int32Max ? "int32" : "int64";
  return withOpenApi(schema, { type: "integer", format, minimum: min, maximum: max });
}

const int32Max = 2 ** 31 - 1;

/** The longest is of IPv6, its last 32 bits written as IPv4. */
const addressLengthMax = 45;
const cidrLengthMax = addressLengthMax + "/128".length;

/** An address without a length. */
export const address: z.ZodType<string> = withOpenApi(
  checked(text, (value) => (parseAddress(value) ? null : "is no IP address")),
  { maxLength: addressLengthMax, pattern: "^[0-9A-Fa-f:.]+$" },
);

/** A network whose host bits are clear. */
export const prefix: z.ZodType<string> = withOpenApi(checked(text, prefixFault), {
  maxLength: cidrLengthMax,
  pattern: "^[0-9A-Fa-f:.]+/[0-9]{1,3}$",
});

/** An address with the length of its network, of one family; a bare address counts as its own network. */
export function interfaceAddress(family: 4 | 6): z.ZodType<string> {
  const schema = checked(text, (value) => {
    const parsed: Address | undefined = parseCidr(value)?.address ?? parseAddress(value) ?? undefined;
    if (!parsed) return "is no IP address with the length of its network, like 172.30.1.11/24";
    if (parsed.family !== family) return `is no IPv${family} address`;
    return isLinkLocal(parsed) ? "is link-local, which other nodes do not reach" : null;
  });
  return withOpenApi(schema, { maxLength: cidrLengthMax });
}

function prefixFault(value: string): string | null {
  if (parsePrefix(value)) return null;
  if (parseCidr(value)) return "has host bits set; write the network's first address";
  return parseAddress(value) ? "has no length; write /32 or /128 for one address" : "is no network, like 10.0.0.0/8";
}

/** Of Calico's API; our parser takes more. */
const selectorLengthMax = 1024;

export const selector: z.ZodType<string> = checked(textUpTo(selectorLengthMax), selectorFault);

/** Of the namespaces in which a rule looks. What is in no namespace is in none beside it. */
export const ruleNamespaceSelector: z.ZodType<string> = checked(selector, (value) =>
  /(&&|\|\|)\s*global\(|global\(\s*\)\s*(&&|\|\|)/.test(value)
    ? "global() cannot be combined with another selector"
    : null,
);

/** `global()` means "no namespace", which has a meaning only in the namespaceSelector of a rule. */
export const selectorNotGlobal: z.ZodType<string> = checked(textUpTo(selectorLengthMax), (value) =>
  /\bglobal\(/.test(value) ? "global() is allowed only in the namespaceSelector of a rule" : selectorFault(value),
);

function selectorFault(value: string): string | null {
  const parsed = parseSelector(value);
  return parsed.kind === "selector" ? null : `is no selector: ${parsed.reason} at character ${parsed.position + 1}`;
}

const linuxInterface = /^[A-Za-z0-9_.@-]{1,15}$/;

/** A network interface of Linux: at most 15 bytes, which no path, list or alias could take for something else. */
export const interfaceName: z.ZodType<string> = withOpenApi(
  checked(text, (value) =>
    linuxInterface.test(value) ? null : 'is no interface: at most 15 letters, digits, "_", ".", "@" and "-"',
  ),
  { maxLength: 15, pattern: linuxInterface.source },
);

/** RFC 1123 §2.1, in the stricter reading of Kubernetes. */
const dnsLabel = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const dnsSubdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export const subdomain: z.ZodType<string> = withOpenApi(
  checked(text, (value) =>
    value.length <= 253 && dnsSubdomain.test(value)
      ? null
      : 'is no name: lower case letters, digits, "-" and ".", at most 253, beginning and ending with a letter or digit',
  ),
  { maxLength: 253, pattern: dnsSubdomain.source },
);

export const label: z.ZodType<string> = withOpenApi(
  checked(text, (value) =>
    value.length <= 63 && dnsLabel.test(value)
      ? null
      : 'is no name: lower case letters, digits and "-", at most 63, beginning and ending with a letter or digit',
  ),
  { maxLength: 63, pattern: dnsLabel.source },
);

/** Manifests carry AS numbers as numbers, as their text, and as `high.low` (RFC 5396). */
export const asNumber: z.ZodType<number> = withOpenApi(
  z.union([z.number(), z.string()], { error: "is no AS number" }).transform((value, context) => {
    const number = asNumberOf(value);
    if (number !== null) return number;
    context.addIssue({ code: "custom", message: "is no AS number from 1 to 4294967295" });
    return z.NEVER;
  }),
  { "x-kubernetes-int-or-string": true, minimum: 1, maximum: 0xffffffff, pattern: "^[0-9]+([.][0-9]+)?$" },
);

function asNumberOf(value: number | string): number | null {
  const dotted = /^(\d{1,5})\.(\d{1,5})$/.exec(String(value));
  if (typeof value === "string" && dotted) {
    const [high, low] = [Number(dotted[1]), Number(dotted[2])];
    return high <= 0xffff && low <= 0xffff && high + low > 0 ? high * 0x10000 + low : null;
  }
  const number = typeof value === "string" && !/^\d+$/.test(value) ? Number.NaN : Number(value);
  return Number.isInteger(number) && number >= 1 && number <= 0xffffffff ? number : null;
}

const protocolNames = ["TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite"];

export const protocol: z.ZodType<string | number> = withOpenApi(
  checked(z.union([z.string(), z.number()], { error: "is no protocol" }), (value) => {
    if (typeof value === "string" && protocolNames.includes(value)) return null;
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 255) return null;
    return `is no protocol: ${protocolNames.join(", ")}, or a number from 1 to 255`;
  }),
  { "x-kubernetes-int-or-string": true, minimum: 1, maximum: 255, pattern: `^(${protocolNames.join("|")})$` },
);

/** A port, a range `first:last`, or a name. A port in quotes is the port, as in Calico. */
export const portSpec: z.ZodType<string | number> = withOpenApi(
  checked(
    z
      .union([z.number(), z.string()], { error: "is no port" })
      .transform((value) => (typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value)),
    portFault,
  ),
  { "x-kubernetes-int-or-string": true, minimum: 1, maximum: 65535, pattern: "^[a-zA-Z0-9_.:-]{1,128}$" },
);

function portFault(value: string | number): string | null {
  if (typeof value === "number") return isPort(value) ? null : "is no port from 1 to 65535";
  const range = /^(\d+):(\d+)$/.exec(value);
  if (!range) return /^[a-zA-Z0-9_.-]{1,128}$/.test(value) ? null : "is no port, range first:last or port name";
  const [first, last] = [Number(range[1]), Number(range[2])];
  return isPort(first) && isPort(last) && first <= last ? null : "is no range of ports from 1 to 65535, lower first";
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= 65535;
}

/** Kept in the form in which Calico stores it. */
export const duration: z.ZodType<string> = withOpenApi(
  text.transform((value, context) => {
    const written = goDuration(value);
    if (written !== null) return written;
    context.addIssue({ code: "custom", message: "is no duration like 90s or 1m30s" });
    return z.NEVER;
  }),
  { type: "string", pattern: goDurationForm.source },
);

/** A duration between two others, both included; `also` is allowed besides. */
export function durationWithin(min: string, max: string, also?: string): z.ZodType<string> {
  const [minMs, maxMs] = [durationMs(min) ?? 0, durationMs(max) ?? Number.POSITIVE_INFINITY];
  return checked(duration, (value) => {
    const milliseconds = durationMs(value) ?? Number.NaN;
    if (also !== undefined && value === goDuration(also)) return null;
    if (milliseconds >= minMs && milliseconds <= maxMs) return null;
    return `is not from ${min} to ${max}${also === undefined ? "" : `, nor ${also}`}`;
  });
}

/** The name of a label; the prefix of its maker may stand before it. */
const labelName = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

export const labelKey: z.ZodType<string> = withOpenApi(
  checked(text, (value) => (labelName.test(value) ? null : "is no name of a label")),
  { maxLength: 317, pattern: labelName.source },
);

export const labels: z.ZodType<Readonly<Record<string, string>>> = sorted(
  z.record(z.string(), z.string()).check((context) => {
    for (const [name, value] of Object.entries(context.value)) {
      const fault = !labelName.test(name)
        ? "is no name of a label"
        : labelValue.test(value)
          ? null
          : 'is no value of a label: at most 63 letters, digits, "-", "_" and "."';
      if (fault !== null) {
        context.issues.push({ code: "custom", path: [name], message: fault, input: context.value });
      }
    }
  }),
);

export const annotations: z.ZodType<Readonly<Record<string, string>>> = sorted(z.record(z.string(), z.string()));

/** Go writes maps in the order of their names. */
function sorted(schema: z.ZodType<Record<string, string>>): z.ZodType<Readonly<Record<string, string>>> {
  return withOpenApi(schema.transform(inOrderOfNames), { type: "object", additionalProperties: { type: "string" } });
}

/** What Go stored is so already: to look is cheaper than to make it anew. */
function inOrderOfNames(map: Record<string, string>): Record<string, string> {
  const names = Object.keys(map);
  if (names.every((name, i) => i === 0 || (names[i - 1] ?? "") < name)) return map;
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
}
