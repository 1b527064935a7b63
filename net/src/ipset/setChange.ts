/** What may be done to the kernel's sets, as values: so that many can go to the kernel together. */
import type { SetDefinition } from "./message.ts";
import type { SetElement } from "./setElement.ts";

export type SetChange =
  | { readonly op: "create"; readonly set: SetDefinition }
  | { readonly op: "add" | "delete"; readonly name: string; readonly elements: readonly SetElement[] }
  | { readonly op: "flush" | "destroy"; readonly name: string };
