import { spawn } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { ControlError } from "@brindle/net";
import { type ControlHandler, type ControlServer, callControl, serveControl, streamControl } from "@brindle/net/shell";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";

let directory: string;
let path: string;
let server: ControlServer | null = null;

beforeEach(async () => {
  directory = await (await processInstance()).createDirectory("control");
  path = join(directory, "agent.sock");
});
afterEach(async () => {
  await server?.close();
  server = null;
  await (await processInstance()).removeDirectory(directory);
});

async function serve(
  handlers: Record<string, ControlHandler>,
  options: Partial<Parameters<typeof serveControl>[0]> = {},
): Promise<ControlServer> {
  server = await serveControl({ path, ...options }, handlers);
  return server;
}
function call(method: string, params: unknown = null, timeoutMs = 30_000): Promise<unknown> {
  return callControl(path, method, params, { timeoutMs });
}
async function failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string } | null> {
  return promise.then(
    () => null,
    (error: unknown) => (error instanceof ControlError ? error : Promise.reject(error)),
  );
}

describe("calls", () => {
  it("carry parameters there and results back", async () => {
    await serve({ echo: (params) => ({ params }), nothing: () => undefined });
    expect(await call("echo", { a: [1, "ü", null] })).toEqual({ params: { a: [1, "ü", null] } });
    expect(await call("nothing")).toBeNull();
  });

  it("carry an error's code and message", async () => {
    await serve({
      refuse: () => {
        throw new ControlError("POOL_EXHAUSTED", "pool default-ipv4 has no address left");
      },
    });
    const failure = await failureOf(call("refuse"));
    expect(failure).toMatchObject({ code: "POOL_EXHAUSTED", message: "pool default-ipv4 has no address left" });
  });

  it("carry a stream as far as it is read, and end it on either side", async () => {
    let given = 0;
    let isOver = false;
    async function* numbers(signal: AbortSignal): AsyncGenerator<unknown> {
      try {
        while (!signal.aborted) yield { number: given++, filler: "ü".repeat(10_000) };
      } finally {
        isOver = true;
      }
    }
    async function* silence(signal: AbortSignal): AsyncGenerator<unknown> {
      yield "begun";
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    }
    await serve({ numbers: (_, { signal }) => numbers(signal), silence: (_, { signal }) => silence(signal) });
    const read: unknown[] = [];
    for await (const value of streamControl(path, "numbers", {}, { timeoutMs: 30_000 })) {
      read.push(value);
      if (read.length === 1) await waitFor(() => given > 3, { what: "the other end writes ahead" });
      if (read.length === 3) break;
    }
    expect(read).toEqual([0, 1, 2].map((number) => ({ number, filler: "ü".repeat(10_000) })));
    await waitFor(() => isOver, { what: "the stream hears that its reader is gone" });
    expect(given).toBeLessThan(1_000);

    const silent = streamControl(path, "silence", {}, { timeoutMs: 30_000 });
    expect((await silent.next()).value).toBe("begun");
    await server?.close();
    expect(await failureOf(silent.next())).toMatchObject({ code: "BROKEN" });
    server = null;
  });

  it("refuse a stream in the words of a call", async () => {
    await serve({});
    const refused = streamControl(path, "numbers", {}, { timeoutMs: 30_000 });
    expect(await failureOf(refused.next())).toMatchObject({ code: "UNKNOWN_METHOD" });
  });

  it("tell the agent's log, and not the caller, what a handler did not foresee", async () => {
    const seen: unknown[] = [];
    const onInternalError = (method: string, error: unknown): void => void seen.push(method, String(error));
    const crash = (): never => {
      throw new Error("password is hunter2");
    };
    await serve({ crash }, { onInternalError });
    const failure = await failureOf(call("crash"));
    expect(failure?.code).toBe("INTERNAL");
    expect(failure?.message).not.toContain("hunter2");
    expect(seen).toEqual(["crash", "Error: password is hunter2"]);
  });

  it("take JSON of the caller's choice, for numbers beyond a double", async () => {
    const json = {
      parse: (text: string): unknown => BigInt(text),
      stringify: (value: unknown): string => String(value),
    };
    await serve({ next: (params) => (params as bigint) + 1n }, { json });
    const next = await callControl(path, "next", 9007199254740993n, { timeoutMs: 30_000, json });
    expect(next).toBe(9007199254740994n);
  });

  const refused: { name: string; method: string; body: string; status: number; code: string }[] = [
    { name: "an unknown method", method: "nothere", body: "{}", status: 404, code: "UNKNOWN_METHOD" },
    { name: "a method of every object", method: "constructor", body: "{}", status: 404, code: "UNKNOWN_METHOD" },
    { name: "a body that is no JSON", method: "echo", body: "{", status: 400, code: "BAD_REQUEST" },
    {
      name: "a body that is too large",
      method: "echo",
      body: `"${"x".repeat(2_000)}"`,
      status: 413,
      code: "TOO_LARGE",
    },
  ];
  for (const { name, method, body, status, code } of refused) {
    it(`are refused with ${name}`, async () => {
      await serve({ echo: (params) => params }, { requestBytesMax: 1_000 });
      const answer = await rawCall(`/${method}`, body);
      expect([answer.status, JSON.parse(answer.body)]).toMatchObject([status, { error: { code } }]);
      expect(await call("echo", "still there")).toBe("still there");
    });
  }

  function rawCall(url: string, body: string): Promise<{ status: number | undefined; body: string }> {
    return new Promise((resolve, reject) => {
      const sent = request({ socketPath: path, path: url, method: "POST", agent: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode, body: text }));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  it("that nobody waits for any more are told so, and no others", async () => {
    const signals: AbortSignal[] = [];
    const release = Promise.withResolvers<void>();
    await serve({
      slow: async (_params, { signal }) => {
        signals.push(signal);
        await release.promise;
        return "done";
      },
    });
    const leaving = failureOf(call("slow", null, 1_000));
    const staying = call("slow");
    expect((await leaving)?.code).toBe("TIMEOUT");
    await waitFor(() => signals.some((signal) => signal.aborted), {
      what: "the handler hears that its caller is gone",
    });
    expect(signals.filter((signal) => signal.aborted)).toHaveLength(1);
    release.resolve();
    expect(await staying).toBe("done");
  });
});

describe("the socket", () => {
  it("is its owner's alone, unless told otherwise", async () => {
    await serve({});
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await server?.close();
    await serve({}, { mode: 0o660 });
    expect(statSync(path).mode & 0o777).toBe(0o660);
  });

  it("gets its folder, which the next boot takes away, for its owner alone", async () => {
    path = join(directory, "run", "brindle", "agent.sock");
    await serve({ ping: () => "pong" });
    expect(await call("ping")).toBe("pong");
    expect(statSync(join(directory, "run", "brindle")).mode & 0o777).toBe(0o700);
  });

  it("is removed when the server closes, which waits for the calls that run", async () => {
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const running = await serve({
      slow: () => {
        begun.resolve();
        return release.promise;
      },
    });
    const result = call("slow");
    await begun.promise;
    const closed = running.close();
    expect(existsSync(path)).toBe(false);
    release.resolve();
    expect(await result).toBeNull();
    await closed;
  });

  it("of a dead process is replaced", async () => {
    const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
    const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => child.stdout.once("data", resolve));
    expect(await failureOf(serve({}))).toMatchObject({
      code: "IN_USE",
      message: expect.stringContaining("another agent"),
    });
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("exit", resolve));
    expect(existsSync(path)).toBe(true);
    await serve({ echo: (params) => params });
    expect(await call("echo", 1)).toBe(1);
  });

  it("of a living process is refused and left alone", async () => {
    await serve({ echo: (params) => params });
    expect((await failureOf(serveControl({ path }, {})))?.code).toBe("IN_USE");
    expect(await call("echo", 2)).toBe(2);
  });

  it("does not take the place of a file", async () => {
    writeFileSync(path, "precious");
    expect(await failureOf(serve({}))).toMatchObject({ code: "IN_USE", message: expect.stringContaining("no socket") });
    expect(statSync(path).size).toBe(8);
  });

  it("that does not exist, or that nobody serves, makes the caller ask for the agent", async () => {
    const failure = await failureOf(call("status"));
    expect(failure?.code).toBe("NOT_LISTENING");
    expect(failure?.message).toBe(
      `nothing listens at ${path}: is the agent, or the brindle-bgp, running whose socket that is? Start it, or name the socket that it was told to use`,
    );
  });

  it("that something else serves is told as such", async () => {
    const other = createServer((_request, response) => response.end("<html>"));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    expect((await failureOf(call("status")))?.code).toBe("BROKEN");
    other.close();
  });
});
