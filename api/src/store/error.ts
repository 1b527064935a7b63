export type StoreFailure =
  /** The datastore did not answer in time, or refused the connection. Try again later. */
  | { readonly code: "UNAVAILABLE"; readonly reason: string }
  /** It answered, and said no to who we are. */
  | {
      readonly code: "UNAUTHORIZED";
      readonly reason: string;
      /** It knows who we are, and a right is missing. */
      readonly isForbidden?: true;
    }
  /** What we were told of it cannot work: an address that is none, a file that is not there. Nothing was asked. */
  | { readonly code: "MISCONFIGURED"; readonly reason: string }
  /** The history that was asked for is gone, twice in a row while a list was read. Try again. */
  | { readonly code: "COMPACTED"; readonly reason: string }
  /** It will never do this as it was asked: too many operations, a value too large, a name that is built in. */
  | { readonly code: "REFUSED"; readonly reason: string }
  /** What is stored under a key does not decode. */
  | { readonly code: "UNDECODABLE"; readonly key: string; readonly reason: string };

/** The failures of the datastore as a part of the world. Conflicts are values (`CommitResult`), not errors. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly failure: StoreFailure;

  constructor(failure: StoreFailure, options?: ErrorOptions) {
    super("key" in failure ? `${failure.key}: ${failure.reason}` : failure.reason, options);
    this.failure = failure;
  }
}
