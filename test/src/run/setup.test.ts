import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, it } from "vitest";
import { type Daemon, type Outcome, run, startDaemon } from "../fixtures/command.ts";
import { processInstance } from "../fixtures/instance.ts";
import { waitFor } from "../fixtures/waitFor.ts";

afterAll(async () => (await processInstance())[Symbol.asyncDispose]());
const setup = fileURLToPath(new URL("../../setup.sh", import.meta.url));

/**
 * setup.sh as it is, but for `apt-get` and `dpkg-query`: bird2 is missing until the one has "installed" it. In a mount
 * namespace with a /usr/sbin of its own, so that the host's policy is never touched.
 */
describe("setup.sh", () => {
  it("starts no service while it installs, and puts an existing policy back", async () => {
    const machine = await pretend({ policy: "#!/bin/sh\nexit 7\n" });
    const outcome = await machine.run();
    assert.equal(outcome.exitCode, 0, outcome.stderr);
    assert.match(outcome.stdout, /^Installing Debian packages: bird2 \.\.\. \d+\.\d s$/m);
    assert.equal(await machine.read("policy-during"), "101\n");
    assert.equal(await machine.read("policy-after"), "#!/bin/sh\nexit 7\n");
  });

  it("leaves no policy where there was none, and disables what it installed", async () => {
    const machine = await pretend({});
    assert.equal((await machine.run()).exitCode, 0);
    assert.equal(await machine.read("policy-during"), "101\n");
    assert.equal(await machine.read("policy-after"), "none\n");
    assert.equal(await machine.read("disabled"), "disable --quiet bird.service\n");
  });

  it("puts the policy back when it is interrupted", async () => {
    const machine = await pretend({ policy: "#!/bin/sh\nexit 7\n", installing: "sleep 0.3" });
    const setupRun = machine.start();
    await waitFor(() => machine.read("policy-during"), { what: "it is installing", intervalMs: 5 });
    process.kill(-setupRun.pid, "SIGINT");
    await setupRun.exited;
    assert.equal(await machine.read("policy-after"), "#!/bin/sh\nexit 7\n");
  });

  it("says in one sentence that root is needed", async () => {
    // As text: the checkout may lie where nobody else can read.
    const script = await readFile(setup, "utf8");
    const nobody = ["--reuid=65534", "--clear-groups"];
    const outcome = await run("setpriv", [...nobody, "sh", "-c", script, "/usr/bin/setup.sh"]);
    assert.equal(outcome.exitCode, 1);
    assert.equal(outcome.stderr.trim().split("\n").length, 1);
    assert.match(outcome.stderr, /root is needed/);
  });
});

interface PretendMachine {
  run(): Promise<Outcome>;
  start(): Daemon;
  read(name: string): Promise<string>;
}

async function pretend(options: { policy?: string; installing?: string }): Promise<PretendMachine> {
  const directory = await (await processInstance()).createDirectory("setup");
  const write = async (name: string, text: string): Promise<void> => {
    await writeFile(join(directory, name), text);
    await chmod(join(directory, name), 0o755);
  };
  await mkdir(join(directory, "bin"));
  await write("bin/dpkg-query", dpkgQuery(directory));
  await write("bin/apt-get", aptGet(directory, options.installing ?? ":"));
  await write("bin/systemctl", `#!/bin/sh\necho "$@" >>${directory}/disabled\n`);
  if (options.policy !== undefined) await write("policy", options.policy);
  await write("machine", machineScript(directory));
  const path = `${directory}/bin:${process.env.PATH}`;
  const args = ["--mount", "sh", `${directory}/machine`];
  return {
    run: () => run("unshare", args, { env: { PATH: path } }),
    start: () => startDaemon("unshare", args, { env: { PATH: path } }),
    read: (name) => readFile(join(directory, name), "utf8"),
  };
}

/** Knows every package but bird2, and that one too once it is installed. */
function dpkgQuery(directory: string): string {
  return `#!/bin/sh
shift 3
for package; do
  if [ "$package" != bird2 ] || [ -e ${directory}/installed ]; then echo "installed $package"; fi
done
`;
}

function aptGet(directory: string, installing: string): string {
  return `#!/bin/sh
/usr/sbin/policy-rc.d
echo $? >${directory}/policy-during
${installing}
touch ${directory}/installed
`;
}

/** The trap keeps this shell alive over an interrupt, to look at what setup.sh left. */
function machineScript(directory: string): string {
  return `trap : INT
cp -a /usr/sbin ${directory}/sbin
mount --bind ${directory}/sbin /usr/sbin
rm -f /usr/sbin/policy-rc.d
[ ! -e ${directory}/policy ] || cp -p ${directory}/policy /usr/sbin/policy-rc.d
sh ${setup}
result=$?
cat /usr/sbin/policy-rc.d >${directory}/policy-after 2>/dev/null || echo none >${directory}/policy-after
exit $result
`;
}
