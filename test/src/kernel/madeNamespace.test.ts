import { readFileSync, readlinkSync } from "node:fs";
import { isKernelError } from "@brindle/net";
import { insideNamespace, makeNamespace, warmThreadPool } from "@brindle/net/shell";
import { beforeAll, expect, it } from "vitest";
import { openNamespacesOf } from "../fixtures/openDescriptors.ts";

const own = () => readlinkSync("/proc/thread-self/ns/net");
const named = (fd: number) => readlinkSync(`/proc/self/fd/${fd}`);

beforeAll(() => warmThreadPool());

it("makes a network namespace of nobody's, in which there is a loopback and nothing else, and stays in its own", () => {
  const before = own();
  using made = makeNamespace();
  using other = makeNamespace();
  expect(own()).toBe(before);
  expect(new Set([before, named(made.fd), named(other.fd)]).size).toBe(3);
  expect(insideNamespace(made.fd, own)).toBe(named(made.fd));
  const devices = insideNamespace(made.fd, () => readFileSync("/proc/thread-self/net/dev", "utf8"));
  expect(devices.match(/^ *\S+:/gm)?.map((name) => name.trim())).toEqual(["lo:"]);
});

it("keeps it by its descriptor alone", () => {
  const before = openNamespacesOf("self");
  const made = makeNamespace();
  const name = named(made.fd);
  expect(openNamespacesOf("self").sort()).toEqual([...before, name].sort());
  made.close();
  using other = makeNamespace(); // Most likely by the same number.
  made.close();
  expect(openNamespacesOf("self").sort()).toEqual([...before, named(other.fd)].sort());
});

it("tells the number of its descriptor no more when that may be another's", () => {
  const made = makeNamespace();
  made.close();
  try {
    expect.unreachable(String(made.fd));
  } catch (error) {
    expect(isKernelError(error, "CLOSED")).toBe(true);
  }
});
