/** What etcd remembers of former revisions: it grows with every write until somebody has it forgotten. */
import { StoreError } from "../store/error.ts";
import { EtcdConnection, type EtcdConnectionOptions } from "./etcdConnection.ts";

export interface EtcdHistory {
  /** The newest, in decimal. */
  revision(): Promise<string>;
  /** Nothing that is stored is lost. That somebody else has done it is success. */
  forgetBefore(revision: string): Promise<void>;
  close(): void;
}

/** Opens nothing yet: the first call connects. All of it rejects with a `StoreError`. */
export function openEtcdHistory(options: EtcdConnectionOptions): EtcdHistory {
  const connection = new EtcdConnection(options);
  return {
    revision: async () => {
      const { header } = await connection.range({ key: Buffer.from("/calico/"), count_only: true });
      return header.revision;
    },
    forgetBefore: async (revision) => {
      try {
        await connection.compact({ revision });
      } catch (error) {
        if (!(error instanceof StoreError) || error.failure.code !== "COMPACTED") throw error;
      }
    },
    close: () => connection.close(),
  };
}
