/** What a soak is: random histories, one after the other, for as long as somebody likes. */
export interface Soak {
  /** What follows `npm run soak --`. */
  readonly name: string;
  /** What holds in each of its histories, in one line. */
  readonly what: string;
  /** How much a run is that nobody gave a time: the sum of these counts. Ten minutes where there is none. */
  readonly least?: Least;
  /** Makes what all rounds share: namespaces, processes. */
  open(): Promise<OpenSoak>;
}

export interface Least {
  readonly counts: readonly string[];
  readonly sum: number;
}

export interface OpenSoak extends AsyncDisposable {
  /**
   * One history in which all that is random follows from the seed, so that the seed alone repeats it. Throws what does
   * not hold; gives numbers worth knowing, which are added up over the rounds: `{ events: 812 }`.
   */
  round(seed: number): Promise<Readonly<Record<string, number>>>;
}
