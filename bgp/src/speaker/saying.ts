/** What a Cease says beyond its subcode. */
export interface Saying {
  readonly text?: string;
  readonly data?: Uint8Array;
}

export function textOf(text: string | undefined): Saying {
  return text === undefined ? {} : { text };
}
