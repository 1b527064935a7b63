/** How a command ends that cannot do what it was asked. The text is for the person who typed it. */
export type CliFailure =
  /** The command line is wrong: nothing was tried. Exit code 2. */
  | { readonly code: "USAGE"; readonly text: string }
  /** What was asked for cannot be done. Exit code 1. */
  | { readonly code: "FAILED"; readonly text: string };

export class CliError extends Error {
  override readonly name = "CliError";
  readonly failure: CliFailure;

  constructor(failure: CliFailure, options?: ErrorOptions) {
    super(failure.text, options);
    this.failure = failure;
  }
}

export function usage(text: string): CliError {
  return new CliError({ code: "USAGE", text });
}

export function failed(text: string, options?: ErrorOptions): CliError {
  return new CliError({ code: "FAILED", text }, options);
}
