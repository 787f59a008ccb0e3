// The words for what the API calls by a name.

/** @import { Severity } from "./types.js" */

/** @type {Record<Severity, string>} */
export const SEVERITIES = { error: "error", warning: "warning", info: "info", debug: "detail" };
