import { Option } from "commander";

/** The forms in which commands answer; not every command has all. */
export type OutputForm = "table" | "wide" | "yaml" | "json";

export const outputForms: readonly OutputForm[] = ["table", "wide", "yaml", "json"];

export function outputOption(forms: readonly OutputForm[] = outputForms): Option {
  return new Option("-o, --output <form>", "how to show it").choices(forms).default("table");
}
