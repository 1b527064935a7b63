/** How a group of settings is declared: a row a setting, from which schema, documentation and warnings follow. */
import { parseAddress, parseCidr } from "@brindle/net";
import * as z from "zod";
import { integer, oneOf, portSpec, text } from "../fields.ts";
import type { UnsupportedField } from "../kind.ts";
import { checked, field, list, object, optional, type Shape, withOpenApi } from "../schema.ts";

export interface Setting<T> {
  readonly schema: z.ZodType<T>;
  /** A sentence. What holds where the setting is left out follows from `unset`. */
  readonly description: string;
  /** What Calico takes where the setting is left out. To ask for it is to ask for nothing. */
  readonly unset?: T;
  /** Other values that ask for what happens anyway. */
  readonly alsoAccepted?: readonly T[];
  /** `honoured` is acted on; the others are as in `UnsupportedField`. Ignored unless told. */
  readonly effect?: "honoured" | "ignored" | "withheld";
  /** What it comes to that the setting is not acted on. */
  readonly meanwhile?: string;
  /** Calico's client stores `unset` where the setting is left out. */
  readonly written?: boolean;
}

export type Settings<T> = { readonly [K in keyof T]-?: Setting<Exclude<T[K], undefined>> };

export function setting<T>(
  schema: z.ZodType<T>,
  description: string,
  rest: Omit<Setting<T>, "schema" | "description"> = {},
): Setting<T> {
  return { schema, description, ...rest };
}

/** All members are optional, so this is the shape of an object of the group's type. */
export function shapeOf<T>(settings: Settings<T>): Shape<T> {
  const rows: [string, Setting<unknown>][] = Object.entries(settings);
  const fields = rows.map(([name, row]) => [name, optional(field(row.schema, describe(row), defaultOf(row)))]);
  return Object.fromEntries(fields) as Shape<T>;
}

/** What stored settings have that nobody wrote. */
export function writtenDefaults<T>(settings: Settings<T>): Partial<T> {
  const rows: [string, Setting<unknown>][] = Object.entries(settings);
  const written = rows.filter(([, row]) => row.written).map(([name, row]) => [name, row.unset]);
  return Object.fromEntries(written) as Partial<T>;
}

export function unsupportedIn<T>(settings: Settings<T>): UnsupportedField[] {
  const rows: [string, Setting<unknown>][] = Object.entries(settings);
  return rows.flatMap(([name, { effect = "ignored", unset, alsoAccepted = [], meanwhile }]) => {
    if (effect === "honoured") return [];
    const accepted = [...(unset === undefined ? [] : [unset]), ...alsoAccepted];
    return [{ effect, path: `spec.${name}`, accepted, ...(meanwhile && { meanwhile }) }];
  });
}

function describe({ description, unset }: Setting<unknown>): string {
  return unset === undefined || unset === "" ? description : `${description} Where left out: ${String(unset)}.`;
}

/** A default that is not stored has no place in the schema of a CRD: in `node.<name>` it would hide the cluster's setting. */
function defaultOf({ written, unset }: Setting<unknown>): { readonly default?: unknown } {
  return written ? { default: unset } : {};
}

/** Kept as it was written, in whatever case; empty counts as left out. */
export function anyCase(...values: readonly string[]): z.ZodType<string> {
  const form = new RegExp(`^(${values.join("|")})?$`, "i");
  const schema = checked(text, (value) => (form.test(value) ? null : `is none of ${values.join(", ")}`));
  return withOpenApi(schema, { pattern: `(?i)${form.source}` });
}

/** `form` is understood alike by JavaScript and RE2. */
export function matching(form: RegExp, fault: string): z.ZodType<string> {
  const schema = checked(text, (value) => (form.test(value) ? null : fault));
  return withOpenApi(schema, { pattern: form.source });
}

export function addressOrNone(family: 4 | 6): z.ZodType<string> {
  const schema = checked(text, (value) =>
    value === "" || parseAddress(value)?.family === family ? null : `is no IPv${family} address`,
  );
  return withOpenApi(schema, { maxLength: 45, pattern: "^[0-9A-Fa-f:.]*$" });
}

/** A network, whose host bits may be set, or one address. */
export const cidr: z.ZodType<string> = checked(text, (value) =>
  parseCidr(value) || parseAddress(value) ? null : "is no network, like 10.0.0.0/8",
);

export const onOff: z.ZodType<"Enabled" | "Disabled"> = oneOf("Enabled", "Disabled");
export const size: z.ZodType<number> = integer(0, 0x7fffffff);
export const portNumber: z.ZodType<number> = integer(0, 65535);

/** `first:last`, or one port; 0 is none. */
export const portRange: z.ZodType<number | string> = withOpenApi(z.union([z.literal(0), portSpec]), {
  "x-kubernetes-int-or-string": true,
});

const textByName = z.record(z.string(), z.string());
export const texts: z.ZodType<Readonly<Record<string, string>>> = withOpenApi(textByName, {
  type: "object",
  additionalProperties: { type: "string" },
});

export interface FailsafePort {
  /** TCP or UDP, in any case; TCP where it is left out. */
  readonly protocol?: string;
  readonly port: number;
  /** The network of the other end; any, where it is left out. */
  readonly net?: string;
}

export const failsafePorts: z.ZodType<readonly FailsafePort[]> = list(
  object<FailsafePort>({
    protocol: optional(field(anyCase("TCP", "UDP"), "TCP unless told.")),
    port: field(portNumber, "The port."),
    net: optional(
      field(
        checked(text, (value) => (value === "" || parseCidr(value) ? null : "is no network, like 10.0.0.0/8")),
        "The network of the other end; any, if left out.",
      ),
    ),
  }),
);
