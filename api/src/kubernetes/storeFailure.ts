import { StoreError } from "../store/error.ts";
import type { ApiFailure } from "./apiFailure.ts";

/** What the port calls it when the API server, or the way there, says no. */
export function storeErrorOf(failure: ApiFailure): StoreError {
  const { reason } = failure;
  switch (failure.code) {
    case "EXPIRED":
      return new StoreError({ code: "COMPACTED", reason });
    case "UNAUTHORIZED":
      return new StoreError({ code: "UNAUTHORIZED", reason });
    case "FORBIDDEN":
      return new StoreError({ code: "UNAUTHORIZED", reason, isForbidden: true });
    case "THROTTLED":
    case "UNAVAILABLE":
      return new StoreError({ code: "UNAVAILABLE", reason });
    case "NOT_INSTALLED":
      return new StoreError({ code: "REFUSED", reason: `${reason}: its CustomResourceDefinition is not installed` });
    default:
      return new StoreError({ code: "REFUSED", reason });
  }
}
