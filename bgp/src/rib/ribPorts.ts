/** What a table is given of the world. */
import { fixedHashKey, type HashKey } from "./keyedHash.ts";
import { plainMemory, type TableMemory } from "./tableMemory.ts";

export interface RibPorts {
  readonly hashKey?: HashKey;
  /** For what grows with the table. */
  readonly memory?: TableMemory;
}

export function completed({ hashKey = fixedHashKey, memory = plainMemory }: RibPorts): Required<RibPorts> {
  return { hashKey, memory };
}
