/** A community of BGP in text: `aa:nn` of RFC 1997, whose parts have 16 bits, or `aa:nn:mm` of RFC 8092, with 32. */
import type * as z from "zod";
import { text } from "./fields.ts";
import { checked, withOpenApi } from "./schema.ts";

const part = /^(0|[1-9][0-9]{0,9})$/;

export const community: z.ZodType<string> = withOpenApi(checked(text, fault), {
  pattern: "^[0-9]{1,10}(:[0-9]{1,10}){1,2}$",
});

function fault(value: string): string | null {
  const parts = value.split(":");
  const partMax = parts.length === 2 ? 0xffff : parts.length === 3 ? 0xffffffff : -1;
  return parts.every((digits) => part.test(digits) && Number(digits) <= partMax)
    ? null
    : "is no community: aa:nn of two numbers up to 65535, or aa:nn:mm of three up to 4294967295";
}
