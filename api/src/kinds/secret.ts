/** A password that stands in a Secret, never in the resource that uses it. */
import type * as z from "zod";
import { flag, text } from "./fields.ts";
import { field, object, optional } from "./schema.ts";

export interface SecretReference {
  readonly secretKeyRef?: { readonly name?: string; readonly key: string; readonly optional?: boolean };
}

export const secretReference: z.ZodType<SecretReference> = object<SecretReference>({
  secretKeyRef: optional(
    field(
      object<NonNullable<SecretReference["secretKeyRef"]>>({
        name: optional(field(text, "The Secret, in the namespace of the agent.")),
        key: field(text, "The entry of the Secret that is the password."),
        optional: optional(field(flag, "Whether the Secret or its entry may be missing.")),
      }),
      "Where the password stands.",
    ),
  ),
});
