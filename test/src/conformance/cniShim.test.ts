/** The executable as a runtime sees it: environment and stdin go in; stdout, stderr and an exit code come out. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createConnection, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import {
  type Answer,
  CniPlugin,
  decodeRequest,
  encodeAnswer,
  type Ports,
  type RelayedRequest,
  type Replay,
  requestState,
  supportedVersions,
} from "@brindle/cni";
import { openPendingDels, type ServeOptions, serveCni } from "@brindle/cni/shell";
import { afterEach, beforeAll, beforeEach, describe, it } from "vitest";
import { exec, type Outcome, run } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";

const shimDirectory = fileURLToPath(new URL("../../../cni/shim/", import.meta.url));
const executable = `${shimDirectory}build/brindle`;
const config = { cniVersion: "1.0.0", name: "pods", type: "brindle", ipam: { type: "brindle-ipam" } };
/** In a version that has STATUS. */
const asking = JSON.stringify({ ...config, cniVersion: "1.1.0" });
const attachment = { CNI_CONTAINERID: "c1", CNI_NETNS: "/run/netns/c1", CNI_IFNAME: "eth0", CNI_PATH: "/opt/cni/bin" };

let directory: string;
let socketPath: string;
let pendingDirectory: string;
const toClose: AsyncDisposable[] = [];

beforeAll(async () => {
  await exec("sh", [`${shimDirectory}build.sh`]);
});

beforeEach(async () => {
  directory = await (await processInstance()).createDirectory("shim");
  socketPath = `${directory}/cni.sock`;
  pendingDirectory = `${directory}/state/pending`;
});

afterEach(async () => {
  for (const resource of toClose.splice(0)) await resource[Symbol.asyncDispose]();
  await (await processInstance()).removeDirectory(directory);
});

interface Invocation {
  readonly variables?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly deadlineMs?: number;
}

function runShim(
  command: string,
  { variables = {}, stdin = JSON.stringify(config), deadlineMs = 5_000 }: Invocation = {},
) {
  const env = {
    CNI_COMMAND: command,
    ...attachment,
    BRINDLE_CNI_SOCKET: socketPath,
    BRINDLE_CNI_PENDING: pendingDirectory,
    BRINDLE_CNI_DEADLINE_MS: String(deadlineMs),
    ...variables,
  };
  return run(executable, [], { env, input: stdin });
}

function errorOf(outcome: Outcome): { readonly code: number; readonly msg: string; readonly details: string } {
  assert.equal(outcome.exitCode, 1, outcome.stdout);
  return JSON.parse(outcome.stdout);
}

/** An agent that answers as told, or not at all. */
async function startAgent(
  answer: (request: RelayedRequest, socket: Socket) => Answer | null,
): Promise<RelayedRequest[]> {
  const requests: RelayedRequest[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let bytes = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (requestState(bytes).kind !== "complete") return;
      const request = decodeRequest(bytes);
      assert(request);
      requests.push(request);
      const told = answer(request, socket);
      if (told) socket.end(encodeAnswer(told));
    });
  });
  server.listen(socketPath);
  await once(server, "listening");
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  toClose.push({ [Symbol.asyncDispose]: close });
  return requests;
}

describe("with an agent, the executable", () => {
  it("relays the variables and stdin as they are, and prints the answer with its exit code", async () => {
    const requests = await startAgent(() => ({ exitCode: 3, stdout: '{"é":1}\n' }));
    const outcome = await runShim("ADD", { variables: { CNI_ARGS: "A=1;B=2" }, stdin: '{"é": [1]}' });
    assert.deepEqual({ ...outcome }, { exitCode: 3, signal: null, stdout: '{"é":1}\n', stderr: "" });
    const variables = { CNI_COMMAND: "ADD", ...attachment, CNI_ARGS: "A=1;B=2" };
    assert.deepEqual(requests, [{ variables, stdin: '{"é": [1]}' }]);
  });

  it("carries a megabyte less a little each way", async () => {
    const big = "x".repeat(1_000_000);
    const requests = await startAgent(() => ({ exitCode: 0, stdout: big }));
    const outcome = await runShim("ADD", { stdin: big });
    assert.equal(outcome.stdout, big);
    assert.equal(requests[0]?.stdin, big);
  });

  it("refuses more than that with code 6, and sends nothing", async () => {
    const requests = await startAgent(() => ({ exitCode: 0, stdout: "" }));
    assert.equal(errorOf(await runShim("ADD", { stdin: "x".repeat(1_048_576) })).code, 6);
    assert.deepEqual(requests, []);
  });

  it("answers VERSION by itself, and without reading stdin, which a runtime may leave open", async () => {
    const requests = await startAgent(() => ({ exitCode: 0, stdout: "{}" }));
    const env = { PATH: process.env.PATH, CNI_COMMAND: "VERSION", BRINDLE_CNI_SOCKET: socketPath };
    const child = spawn(executable, { env, stdio: ["pipe", "ignore", "ignore"] });
    const [exitCode] = await once(child, "exit");
    child.stdin?.destroy();
    assert.equal(exitCode, 0);
    assert.deepEqual(requests, []);
  });
});

/** Each of them is no agent, to a runtime. */
const absences: { name: string; prepare: () => Promise<unknown>; deadlineMs?: number; says: RegExp }[] = [
  { name: "without a socket", prepare: async () => {}, says: /No such file/ },
  {
    name: "with the socket of a dead agent",
    prepare: () => writeFile(socketPath, ""),
    says: /refused|Socket operation/,
  },
  {
    name: "with an agent that does not answer in time",
    prepare: () => startAgent(() => null),
    deadlineMs: 200,
    says: /within the deadline/,
  },
  {
    name: "with an agent that dies while it works",
    prepare: () =>
      startAgent((_, socket) => {
        socket.destroy();
        return null;
      }),
    says: /reset/,
  },
  {
    name: "with an agent that answers in another language",
    prepare: () =>
      startAgent((_, socket) => {
        socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
        return null;
      }),
    says: /Protocol error/,
  },
];

for (const { name, prepare, says, deadlineMs = 5_000 } of absences) {
  describe(`${name}, the executable`, () => {
    beforeEach(prepare);

    it("fails an ADD with code 11, and says what to do and why", async () => {
      const error = errorOf(await runShim("ADD", { deadlineMs }));
      assert.equal(error.code, 11);
      assert.match(error.msg, /agent .* does not answer; see its log, then try again/);
      assert.match(error.details, says);
    });

    it("keeps a DEL on disk, for root alone, and succeeds", async () => {
      const outcome = await runShim("DEL", { deadlineMs });
      assert.deepEqual({ ...outcome }, { exitCode: 0, signal: null, stdout: "", stderr: "" });
      assert.deepEqual(await readdir(pendingDirectory), ["c1@eth0"]);
      assert.equal((await stat(pendingDirectory)).mode & 0o777, 0o700);
      assert.equal((await stat(`${pendingDirectory}/c1@eth0`)).mode & 0o777, 0o600);
      const kept = decodeRequest(await readFile(`${pendingDirectory}/c1@eth0`));
      assert.deepEqual(kept, { variables: { CNI_COMMAND: "DEL", ...attachment }, stdin: JSON.stringify(config) });
    });

    it("answers VERSION, and fails the others", async () => {
      const version = await runShim("VERSION", { deadlineMs });
      assert.equal(version.exitCode, 0);
      assert.deepEqual(JSON.parse(version.stdout).supportedVersions, supportedVersions);
      assert.equal(errorOf(await runShim("STATUS", { deadlineMs })).code, 50);
      assert.equal(errorOf(await runShim("CHECK", { deadlineMs })).code, 11);
      assert.equal(errorOf(await runShim("GC", { deadlineMs })).code, 11);
    });
  });
}

describe("the executable alone", () => {
  it("says what it is when nothing is asked of it", async () => {
    const outcome = await runShim("");
    assert.equal(outcome.exitCode, 0);
    assert.equal(outcome.stdout, "");
    assert.match(outcome.stderr, /^CNI brindle plugin/);
  });

  it("keeps one file however often DEL is asked", async () => {
    for (let i = 0; i < 3; i++) await runShim("DEL");
    assert.deepEqual(await readdir(pendingDirectory), ["c1@eth0"]);
  });

  for (const [variable, value] of [
    ["CNI_CONTAINERID", "../../etc/cron.d/x"],
    ["CNI_CONTAINERID", ""],
    ["CNI_CONTAINERID", ".hidden"],
    ["CNI_CONTAINERID", "a".repeat(201)],
    ["CNI_IFNAME", "../x"],
    ["CNI_IFNAME", "a\u0001b"],
    ["CNI_IFNAME", "a\nb"],
    ["CNI_IFNAME", ""],
  ] as const) {
    it(`keeps no DEL whose ${variable} is "${value.slice(0, 20)}"`, async () => {
      assert.equal(errorOf(await runShim("DEL", { variables: { [variable]: value } })).code, 4);
      await assert.rejects(readdir(pendingDirectory));
    });
  }

  it("says so when a DEL cannot be kept, so that the runtime tries again", async () => {
    await mkdir(`${directory}/state`);
    await writeFile(pendingDirectory, "a file in the way");
    const error = errorOf(await runShim("DEL"));
    assert.equal(error.code, 5);
    assert.match(error.details, /Not a directory/);
  });

  it("follows no link that somebody put in the directory's place", async () => {
    await mkdir(`${directory}/state`);
    await mkdir(`${directory}/elsewhere`);
    await exec("ln", ["-s", `${directory}/elsewhere`, pendingDirectory]);
    assert.equal(errorOf(await runShim("DEL")).code, 5);
    assert.deepEqual(await readdir(`${directory}/elsewhere`), []);
  });

  it("is built with a C library where it knows the processor no better", async () => {
    const built = `${directory}/with-library`;
    const flags = ["-std=c11", "-DWITH_C_LIBRARY", "-Wall", "-Wextra", "-Werror"];
    await exec("gcc", [...flags, "-o", built, `${shimDirectory}brindle.c`]);
    const stdout = await exec("env", ["CNI_COMMAND=VERSION", built]);
    assert.deepEqual(JSON.parse(stdout).supportedVersions, ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
  });

  it("is the same to the byte when it is built again", async () => {
    const before = await readFile(executable);
    const copy = `${directory}/shim`;
    await exec("cp", ["-r", shimDirectory, copy]);
    await rm(`${copy}/build`, { recursive: true });
    await chmod(`${copy}/build.sh`, 0o755);
    await exec(`${copy}/build.sh`, []);
    assert.deepEqual(before, await readFile(`${copy}/build/brindle`));
  });
});

describe("the agent's server", () => {
  const released: string[] = [];
  let isStoreAway = false;
  let gate: Promise<void> = Promise.resolve();

  beforeEach(() => {
    released.length = 0;
    isStoreAway = false;
    gate = Promise.resolve();
  });

  async function startServer(options: ServeOptions = {}): Promise<void> {
    const ports: Ports = {
      node: "node1",
      pods: { describe: async () => null },
      addresses: {
        lacking: async () => null,
        assign: async () => {
          await gate;
          return { kind: "exhausted", reason: "there are none in this test" };
        },
        release: async ({ containerId }) => {
          if (isStoreAway) throw new DOMException("etcd is away", "TimeoutError");
          released.push(containerId);
        },
      },
      records: { of: async () => ({ addresses: [], endpoint: null }), attachments: async () => [] },
      links: {
        wire: async ({ addresses }) => {
          await addresses;
          assert.fail("nothing is wired here");
        },
        unwire: async () => {},
        check: async () => [],
        marks: async () => [],
      },
      policy: { expect: () => ({ [Symbol.dispose]: () => {} }), ready: async () => {}, check: async () => [] },
      readiness: async () => ({ kind: "ready" }),
      pending: await openPendingDels(pendingDirectory),
    };
    toClose.push(await serveCni(new CniPlugin(ports), { socketPath, replayEveryMs: 50, ...options }));
  }

  it("listens for root alone", async () => {
    await startServer();
    assert.equal((await stat(socketPath)).mode & 0o777, 0o600);
  });

  it("hangs up on another user, also where somebody has opened the socket to all", async () => {
    await startServer();
    await chmod(directory, 0o755);
    await chmod(socketPath, 0o666);
    const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", "--"];
    const env = { CNI_COMMAND: "DEL", ...attachment, BRINDLE_CNI_SOCKET: socketPath };
    const world = await (await processInstance()).createDirectory("world");
    await exec("cp", [executable, world]);
    const args = [...nobody, "env", `BRINDLE_CNI_PENDING=${world}/pending`, `${world}/brindle`];
    const outcome = await run("setpriv", args, { env, input: JSON.stringify(config) });
    await (await processInstance()).removeDirectory(world);
    assert.equal(errorOf(outcome).code, 5, outcome.stdout); // Nor can it keep anything.
    assert.deepEqual(released, []);
    assert.equal((await runShim("STATUS", { stdin: asking })).exitCode, 0);
  });

  it("answers, and an error is one line of JSON", async () => {
    await startServer();
    const error = errorOf(await runShim("ADD"));
    assert.deepEqual({ code: error.code, msg: error.msg }, { code: 11, msg: "there are none in this test" });
  });

  it("does at its start what was kept while it was away, and forgets it", async () => {
    await runShim("DEL");
    await runShim("DEL", { variables: { CNI_CONTAINERID: "c2" } });
    await startServer();
    await waitFor(async () => (await readdir(pendingDirectory)).length === 0, { what: "nothing is pending" });
    assert.deepEqual(released.sort(), ["c1", "c2"]);
  });

  it("keeps a DEL that it cannot do, answers it with success, and does it once it can", async () => {
    isStoreAway = true;
    await startServer();
    assert.equal((await runShim("DEL")).exitCode, 0);
    assert.deepEqual(await readdir(pendingDirectory), ["c1@eth0"]);
    isStoreAway = false;
    await waitFor(async () => (await readdir(pendingDirectory)).length === 0, { what: "nothing is pending" });
    assert.deepEqual(released, ["c1"]);
  });

  it("tells of a file that is no request, and leaves it for a person to look at", async () => {
    await mkdir(pendingDirectory, { recursive: true });
    await writeFile(`${pendingDirectory}/c9@eth0`, "not a request");
    const replay = Promise.withResolvers<Replay>();
    await startServer({ onReplay: replay.resolve });
    const [failed] = (await replay.promise).failed;
    assert.equal(failed?.key, "c9@eth0");
    assert.match(failed?.failure.message ?? "", /c9@eth0 is no request that was kept: remove it/);
    assert.deepEqual(await readdir(pendingDirectory), ["c9@eth0"]);
  });

  it("takes the place of a dead one's socket, and leaves none of its own", async () => {
    await writeFile(socketPath, "");
    await startServer();
    assert.equal((await runShim("STATUS", { stdin: asking })).exitCode, 0);
    await toClose.pop()?.[Symbol.asyncDispose]();
    await assert.rejects(stat(socketPath));
  });

  it("refuses with code 11 what is more than it takes at once, and goes on", async () => {
    const opened = Promise.withResolvers<void>();
    gate = opened.promise;
    await startServer({ requestsMax: 2 });
    const answers: string[] = [];
    const calls = ["c1", "c2", "c3", "c4"].map(async (id) => {
      answers.push(errorOf(await runShim("ADD", { variables: { CNI_CONTAINERID: id } })).msg);
    });
    await waitFor(() => answers.length === 2, { what: "two are refused, and two are under way" });
    for (const text of answers) assert.match(text, /more than 2 requests at once/);
    opened.resolve();
    await Promise.all(calls);
    assert.deepEqual(answers.slice(2), ["there are none in this test", "there are none in this test"]);
  });

  it("answers with code 11 when the work takes too long", async () => {
    gate = new Promise(() => {});
    await startServer({ answerMsMax: 100 });
    assert.match(errorOf(await runShim("ADD")).msg, /took too long/);
  });

  it("hangs up on who sends half a request, and on who sends nonsense", async () => {
    await startServer({ arrivalMsMax: 100 });
    for (const [text, hears] of [
      ["BRQ1", ""],
      ["GET / HTTP/1.1\r\n\r\n", "BRA1"],
    ] as const) {
      const socket = createConnection(socketPath);
      socket.write(text);
      let heard = "";
      socket.on("data", (chunk: Buffer) => {
        heard += chunk;
      });
      await once(socket, "close");
      assert.equal(heard.slice(0, 4), hears);
    }
    assert.equal((await runShim("STATUS", { stdin: asking })).exitCode, 0);
  });
});
