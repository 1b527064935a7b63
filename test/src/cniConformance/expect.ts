/** What rules expect of an answer; each throws with what was answered. */
import assert from "node:assert/strict";
import type { Outcome } from "../fixtures/command.ts";
import type { Container, Invocation, Result, ResultAddress, ResultInterface } from "./rule.ts";

export interface CniErrorText {
  readonly cniVersion?: string;
  readonly code: number;
  readonly msg: string;
}

/** Success that says nothing: no runtime reads more than the exit code. */
export function silent(outcome: Outcome): void {
  assert.equal(outcome.exitCode, 0, `exit code ${outcome.exitCode}: ${said(outcome)}`);
  assert.equal(outcome.stdout, "", "it succeeds, and prints something all the same");
}

export function succeeded(outcome: Outcome): void {
  assert.equal(outcome.exitCode, 0, `exit code ${outcome.exitCode}: ${said(outcome)}`);
}

/** A failure in the form that runtimes read: on stdout, with a number and words. */
export function failed(outcome: Outcome, codes: readonly number[] = []): CniErrorText {
  assert.notEqual(outcome.exitCode, 0, `it succeeds: ${said(outcome)}`);
  const error = jsonOf(outcome) as CniErrorText;
  assert(Number.isInteger(error.code) && error.code > 0, `the error has no code: ${said(outcome)}`);
  assert(typeof error.msg === "string" && error.msg !== "", `the error has no words: ${said(outcome)}`);
  if (codes.length > 0)
    assert(codes.includes(error.code), `code ${error.code}, not ${codes.join(" or ")}: ${error.msg}`);
  return error;
}

export async function added(container: Container, invocation: Invocation = {}): Promise<Result> {
  const outcome = await container.call("ADD", invocation);
  succeeded(outcome);
  return jsonOf(outcome) as Result;
}

/** The interface in the container, and where it is in the list. */
export function podInterface(result: Result, container: Container): ResultInterface & { readonly index: number } {
  const index = result.interfaces.findIndex(
    ({ name, sandbox }) => name === container.interfaceName && Boolean(sandbox),
  );
  const found = result.interfaces[index];
  assert(found, `the result names no interface ${container.interfaceName} with a sandbox: ${JSON.stringify(result)}`);
  return { ...found, index };
}

export function hostInterfaces(result: Result): readonly string[] {
  return result.interfaces.filter(({ sandbox }) => !sandbox).map(({ name }) => name);
}

export function addressesOf(result: Result): readonly string[] {
  assert(result.ips.length > 0, "the result has no addresses");
  return result.ips.map(({ address }: ResultAddress) => address.split("/")[0] ?? "");
}

/** An interface as `ip` tells it, or `undefined` where there is none. */
export async function linkIn(
  namespace: { ip(line: string): Promise<string> },
  name: string,
): Promise<KernelLink | undefined> {
  const links = JSON.parse(await namespace.ip("-j address show")) as readonly KernelLink[];
  return links.find(({ ifname }) => ifname === name);
}

export interface KernelLink {
  readonly ifname: string;
  readonly address?: string;
  readonly mtu: number;
  readonly flags: readonly string[];
  readonly addr_info: readonly { readonly family: string; readonly local: string; readonly prefixlen: number }[];
}

export async function linksIn(namespace: { ip(line: string): Promise<string> }): Promise<string[]> {
  const links = JSON.parse(await namespace.ip("-j link show")) as readonly { readonly ifname: string }[];
  return links.map(({ ifname }) => ifname).sort();
}

function jsonOf(outcome: Outcome): unknown {
  try {
    return JSON.parse(outcome.stdout);
  } catch {
    return assert.fail(`stdout is no JSON: ${said(outcome)}`);
  }
}

function said({ stdout, stderr }: Outcome): string {
  return (stdout || stderr || "(nothing)").trim().slice(0, 300);
}
