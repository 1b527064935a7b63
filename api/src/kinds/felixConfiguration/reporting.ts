/** What is told to others: status, flows, usage. */
import { duration, flag, oneOf, text } from "../fields.ts";
import { onOff, type Settings, setting } from "./setting.ts";

export interface ReportingSettings {
  readonly reportingInterval?: string;
  readonly reportingTTL?: string;
  readonly endpointReportingEnabled?: boolean;
  readonly endpointReportingDelay?: string;
  readonly endpointStatusPathPrefix?: string;
  readonly usageReportingEnabled?: boolean;
  readonly usageReportingInitialDelay?: string;
  readonly usageReportingInterval?: string;
  readonly flowLogsFlushInterval?: string;
  readonly flowLogsCollectorDebugTrace?: boolean;
  readonly flowLogsGoldmaneServer?: string;
  readonly flowLogsPolicyEvaluationMode?: "None" | "Continuous";
  readonly flowLogsLocalReporter?: "Enabled" | "Disabled";
}

const meanwhile = "nothing of it is told";

export const reportingSettings: Settings<ReportingSettings> = {
  reportingInterval: setting(duration, "How often the process writes its status to the datastore; 0 for never.", {
    unset: "30s",
    alsoAccepted: ["0s"],
    meanwhile,
  }),
  reportingTTL: setting(duration, "How long such a status holds.", { unset: "1m30s", meanwhile }),
  endpointReportingEnabled: setting(flag, "The status of endpoints is written to the datastore.", {
    unset: false,
    meanwhile,
  }),
  endpointReportingDelay: setting(duration, "How long changes of that status are gathered.", {
    unset: "1s",
    meanwhile,
  }),
  endpointStatusPathPrefix: setting(text, "Where files say which endpoints are ready.", {
    unset: "/var/run/calico",
    meanwhile,
  }),
  usageReportingEnabled: setting(flag, "The makers of Calico are told version and size of the cluster.", {
    unset: true,
    alsoAccepted: [false],
    meanwhile,
  }),
  usageReportingInitialDelay: setting(duration, "How long after the start this begins.", { unset: "5m0s", meanwhile }),
  usageReportingInterval: setting(duration, "How often it is told.", { unset: "24h0m0s", meanwhile }),
  flowLogsFlushInterval: setting(duration, "How often flows are written.", { unset: "5m0s", meanwhile }),
  flowLogsCollectorDebugTrace: setting(flag, "The collector of flows logs what it does.", { unset: false, meanwhile }),
  flowLogsGoldmaneServer: setting(text, "To which server flows are sent.", { alsoAccepted: [""], meanwhile }),
  flowLogsPolicyEvaluationMode: setting(
    oneOf("None", "Continuous"),
    "Whether a flow that goes on is judged again when policies change.",
    { unset: "Continuous", meanwhile },
  ),
  flowLogsLocalReporter: setting(onOff, "Whether flows are told on a socket of the node.", {
    unset: "Disabled",
    meanwhile,
  }),
};
