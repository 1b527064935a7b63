import { StoreError } from "../store/error.ts";

/** In a file of its own: who only reads settings must not load what speaks to etcd, a third of an agent's start. */
export function misconfigured(reason: string, options?: ErrorOptions): StoreError {
  return new StoreError({ code: "MISCONFIGURED", reason }, options);
}
