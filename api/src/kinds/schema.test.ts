import { describe, expectTypeOf, it } from "vitest";
import { flag, text } from "./fields.ts";
import { object, optional } from "./schema.ts";

interface Example {
  readonly name: string;
  readonly isOn?: boolean;
}

describe("object", () => {
  it("is held by the compiler to its interface", () => {
    const schema = object<Example>({ name: text, isOn: optional(flag) });
    expectTypeOf(schema.parse({ name: "a" })).toEqualTypeOf<Example>();
    // @ts-expect-error a field of the interface is missing
    object<Example>({ name: text });
    // @ts-expect-error a field that the interface does not have
    object<Example>({ name: text, isOn: optional(flag), more: text });
    // @ts-expect-error a field of another type
    object<Example>({ name: flag, isOn: optional(flag) });
    // @ts-expect-error an optional field whose schema is not
    object<Example>({ name: text, isOn: flag });
  });
});
