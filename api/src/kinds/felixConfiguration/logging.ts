/** What is logged, and where. */
import { integer, text } from "../fields.ts";
import { anyCase, matching, type Settings, setting } from "./setting.ts";

export interface LoggingSettings {
  readonly logPrefix?: string;
  readonly logActionRateLimit?: string;
  readonly logActionRateLimitBurst?: number;
  readonly logFilePath?: string;
  readonly logSeverityFile?: string;
  readonly logSeverityScreen?: string;
  readonly logSeveritySys?: string;
  readonly logDebugFilenameRegex?: string;
}

const packetLogPrefix = matching(/^([a-zA-Z0-9%: /_-])*$/, "has more than letters, digits, spaces and %:/_-");
const rateLimit = matching(
  /^([1-9][0-9]{0,3}\/(second|minute|hour|day))?$/,
  "is no rate like 100/minute, of up to 9999 a second, minute, hour or day",
);

export const loggingSettings: Settings<LoggingSettings> = {
  logPrefix: setting(packetLogPrefix, "What the kernel's log of packets begins with.", {
    unset: "calico-packet",
    effect: "honoured",
  }),
  logActionRateLimit: setting(rateLimit, "How many packets a rule with action Log may log, as 100/minute.", {
    alsoAccepted: [""],
    effect: "honoured",
  }),
  logActionRateLimitBurst: setting(integer(0, 9999), "How many packets a rule may log at once.", {
    unset: 5,
    effect: "honoured",
  }),
  logFilePath: setting(text, "The file that is logged to; none for no file.", {
    unset: "/var/log/calico/felix.log",
    alsoAccepted: ["none", "None"],
    meanwhile: "the agent logs to standard output",
  }),
  logSeverityFile: setting(
    anyCase("Trace", "Debug", "Info", "Warning", "Error", "Fatal"),
    "How much is logged to the file.",
    { unset: "Info" },
  ),
  logSeverityScreen: setting(
    anyCase("Trace", "Debug", "Info", "Warning", "Error", "Fatal"),
    "How much is logged to standard output.",
    { unset: "Info", effect: "honoured" },
  ),
  logSeveritySys: setting(
    anyCase("Trace", "Debug", "Info", "Warning", "Error", "Fatal"),
    "How much is logged to the system log.",
    { unset: "Info" },
  ),
  logDebugFilenameRegex: setting(text, "Only source files that match it log at level Debug.", { alsoAccepted: [""] }),
};
