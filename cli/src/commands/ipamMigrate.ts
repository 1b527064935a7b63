import type { CommandDefinition } from "../command.ts";
import type { MigrateOptions } from "../ipam/migrate.ts";

export const ipamMigrateCommand: CommandDefinition<readonly [string], MigrateOptions> = {
  name: "ipam migrate",
  summary: "move pods from one pool to another, as they are made anew",
  details:
    "Closes the pool, lets go what is kept in it for pods of StatefulSets, and tells who has an address of it still. It " +
    "restarts nothing: `kubectl rollout restart`, a drain, or time do. Say it again to see what is left. Exits with 1 as " +
    "long as addresses are in use.",
  examples: [
    { line: "brindlectl ipam migrate old --to new --dry-run", does: "what would be done, and who has addresses" },
    { line: "brindlectl ipam migrate old --to new", does: "begin, or see what is left" },
    { line: "brindlectl ipam migrate old --to new --delete", does: "remove the pool once it is empty" },
  ],
  declare(command) {
    command
      .argument("<pool>", "the pool that pods leave")
      .requiredOption("--to <pool>", "the pool that they come to, which is there already")
      .option("--dry-run", "change nothing")
      .option("--delete", "delete the pool if none of its addresses is in use");
  },
  async run([pool], options, ports) {
    const { migratePool } = await import("../ipam/migrate.ts");
    return migratePool(pool, options, ports);
  },
};
