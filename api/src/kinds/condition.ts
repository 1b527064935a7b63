/** What a controller writes into the status of a resource, so that who applied it with kubectl hears what brindlectl says. */
import { formatProblem } from "./problem.ts";
import { validate } from "./validate.ts";

export interface ConditionJudgement {
  readonly type: "Accepted";
  /** Whether this version acts on the resource. */
  readonly status: "True" | "False";
  readonly reason: "Valid" | "ValidWithWarnings" | "Invalid" | "NotActedOn";
  readonly message: string;
}

/** As the schema of conditions bounds it; the unit is that of OpenAPI, a character. */
export const conditionMessageMax = 32_768;

/** `resource` is what the API server holds, with all that it added itself. */
export function conditionOf(resource: unknown): ConditionJudgement {
  const judged = validate(resource);
  if (judged.kind === "invalid") return accepted("False", "Invalid", judged.problems.map(formatProblem));
  const { warnings } = judged;
  if (warnings.length === 0) return accepted("True", "Valid", ["all of it is acted on"]);
  const withheld = warnings.filter(({ effect }) => effect === "withheld");
  if (withheld.length > 0) return accepted("False", "NotActedOn", withheld.map(formatProblem));
  return accepted("True", "ValidWithWarnings", warnings.map(formatProblem));
}

/** Why a resource counts as absent for whoever would act on it; `null` where it does not. */
export function whyNotActedOn(resource: unknown): string | null {
  const { status, message } = conditionOf(resource);
  return status === "True" ? null : message;
}

function accepted(
  status: ConditionJudgement["status"],
  reason: ConditionJudgement["reason"],
  lines: readonly string[],
): ConditionJudgement {
  const message = lines.join("; ");
  const isLong = message.length > conditionMessageMax;
  return {
    type: "Accepted",
    status,
    reason,
    message: isLong ? `${message.slice(0, conditionMessageMax - 3)}...` : message,
  };
}
