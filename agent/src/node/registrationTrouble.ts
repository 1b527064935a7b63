import { StoreError } from "@brindle/api";
import { AgentError, type AgentFailure, messageOf } from "../error.ts";
import type { Mistake, MistakeCode } from "./mistakes.ts";

const codes: Partial<Readonly<Record<AgentFailure["code"], MistakeCode>>> = {
  NO_NODE_ADDRESS: "NoNodeAddress",
  NODE_MISSING: "NodeMissing",
  REGISTRATION_REFUSED: "RegistrationRefused",
};

/** What it means that a node could not be registered. */
export function registrationTrouble(error: unknown): Mistake {
  return { code: codeOf(error), text: messageOf(error) };
}

function codeOf(error: unknown): MistakeCode {
  if (error instanceof AgentError) return codes[error.failure.code] ?? "DatastoreAway";
  const isForbidden = error instanceof StoreError && error.failure.code === "UNAUTHORIZED" && error.failure.isForbidden;
  return isForbidden ? "RightMissing" : "DatastoreAway";
}
