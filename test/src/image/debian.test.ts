import assert from "node:assert/strict";
import { describe, it } from "vitest";
import { debianFiles, installedFiles, librariesOf } from "./debian.ts";

describe("files of Debian packages", () => {
  it("come with the packages that they are of, and with their terms", async () => {
    const { entries, packages } = await debianFiles(["usr/bin/ip", "usr/sbin/bridge"]);
    assert.deepEqual(
      packages.map(({ name }) => name),
      ["iproute2"],
    );
    assert.deepEqual(
      entries.map(({ path }) => path),
      ["usr/bin/ip", "usr/sbin/bridge", "usr/share/doc/iproute2/copyright"],
    );
  });

  it("are refused where they are of no package", async () => {
    await assert.rejects(debianFiles(["etc/hostname"]), /\/etc\/hostname.*of no Debian package/s);
  });

  it("are refused where they are not what the package brought, as a file that may be edited", async () => {
    await assert.rejects(debianFiles(["etc/debian_version"]), /not as the package base-files brought it/);
  });

  it("are refused where nothing has the name", async () => {
    await assert.rejects(installedFiles("usr/lib/*/xtables/*.none"), /no such file/);
  });

  it("are the loader and every library that a program is linked to, at their place below /usr", async () => {
    const libraries = await librariesOf(["/usr/sbin/ipset"]);
    for (const name of [/\/ld-linux[^/]*$/, /\/libc\.so\.6$/, /\/libipset\.so\.13$/, /\/libmnl\.so\.0$/]) {
      assert(
        libraries.some((path) => name.test(path)),
        `${name} in ${libraries.join(" ")}`,
      );
    }
    assert(libraries.every((path) => path.startsWith("usr/lib")));
  });
});
