/** A password that stands in a Secret, never in the resource that uses it. */
import type * as z from "zod";
import { flag, text } from "./fields.ts";
import { object, optional } from "./schema.ts";

export interface SecretReference {
  readonly secretKeyRef?: { readonly name?: string; readonly key: string; readonly optional?: boolean };
}

export const secretReference: z.ZodType<SecretReference> = object<SecretReference>({
  secretKeyRef: optional(
    object<NonNullable<SecretReference["secretKeyRef"]>>({
      name: optional(text),
      key: text,
      optional: optional(flag),
    }),
  ),
});
