/**
 * Reads untyped JSON and gathers every fault with its path, so that a person corrects a manifest once. A reader never
 * throws: it returns something of the right type and remembers that it was wrong.
 */

export interface ManifestFault {
  /** As `spec.ingress[0].from[1].ipBlock.cidr`. */
  readonly path: string;
  readonly reason: string;
}

export class Reader {
  readonly #value: unknown;
  readonly path: string;
  readonly faults: ManifestFault[];

  constructor(value: unknown, path = "", faults: ManifestFault[] = []) {
    this.#value = value;
    this.path = path;
    this.faults = faults;
  }

  get isMissing(): boolean {
    return this.#value === undefined || this.#value === null;
  }

  field(name: string): Reader {
    const object = isObject(this.#value) ? this.#value : {};
    return new Reader(object[name], this.path === "" ? name : `${this.path}.${name}`, this.faults);
  }

  /** What no one reads would be ignored in silence, so it is refused. */
  only(...names: readonly string[]): this {
    if (this.isMissing) return this;
    if (!isObject(this.#value)) return this.#wrong("must be an object");
    for (const name of Object.keys(this.#value)) {
      if (!names.includes(name)) this.field(name).fault("is not a field of this object");
    }
    return this;
  }

  items(): Reader[] {
    if (this.isMissing) return [];
    if (!Array.isArray(this.#value)) this.#wrong("must be a list");
    const list: readonly unknown[] = Array.isArray(this.#value) ? this.#value : [];
    return list.map((item, index) => new Reader(item, `${this.path}[${index}]`, this.faults));
  }

  entries(): [string, Reader][] {
    if (this.isMissing) return [];
    if (!isObject(this.#value)) this.#wrong("must be an object");
    return Object.keys(isObject(this.#value) ? this.#value : {}).map((name) => [name, this.field(name)]);
  }

  text(): string {
    if (typeof this.#value !== "string") this.#wrong("must be text");
    return typeof this.#value === "string" ? this.#value : "";
  }

  oneOf<T extends string>(allowed: readonly [T, ...T[]]): T {
    const found = allowed.find((candidate) => candidate === this.#value);
    if (found === undefined) this.#wrong(`must be one of ${allowed.join(", ")}`);
    return found ?? allowed[0];
  }

  port(): number {
    const isPort = typeof this.#value === "number" && Number.isInteger(this.#value);
    if (!isPort || Number(this.#value) < 1 || Number(this.#value) > 65535) this.#wrong("must be from 1 to 65535");
    return Number(this.#value);
  }

  get isText(): boolean {
    return typeof this.#value === "string";
  }

  fault(reason: string): void {
    this.faults.push({ path: this.path, reason });
  }

  #wrong(reason: string): this {
    this.fault(this.isMissing ? "is required" : reason);
    return this;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
