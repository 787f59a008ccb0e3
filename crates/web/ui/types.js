// The types of the API, for the type checker. Times are milliseconds since 1970.

/** @typedef {number | string} Value a number from 0 to 1, or a text */
/** @typedef {"in" | "out"} Direction into crosspatch, or out of it */
/** @typedef {[instance: number, slot: number]} ChannelId */
/** @typedef {"working" | "starting" | "waiting" | "failing"} Condition */
/** @typedef {"debug" | "info" | "warning" | "error"} Severity */

/**
 * @typedef {object} Reading the last value of a channel in one direction
 * @property {Value} value
 * @property {number | null} at nothing if it was there before anybody looked
 * @property {number} count
 */

/**
 * @typedef {object} Channel
 * @property {ChannelId} id
 * @property {string} name
 * @property {boolean} input
 * @property {boolean} output
 * @property {Reading | null} in
 * @property {Reading | null} out
 * @property {number[]} lines numbers of mappings
 */

/**
 * @typedef {object} Link
 * @property {string} name
 * @property {string} description
 * @property {Condition} condition
 * @property {string | null} reason
 * @property {number | null} since
 */

/**
 * @typedef {object} Notice
 * @property {number} number
 * @property {number} at
 * @property {Severity} severity
 * @property {string | null} instance
 * @property {string} id
 * @property {string} text
 * @property {number} held how many equal notices were left out before
 */

/**
 * @typedef {object} Instance
 * @property {string} name
 * @property {string} backend
 * @property {Condition} condition
 * @property {string | null} reason
 * @property {number | null} since
 * @property {Link[]} links
 * @property {number} inputs
 * @property {number} outputs
 * @property {Notice | null} notice
 */

/**
 * @typedef {object} Mapping a line of a configuration
 * @property {number} number
 * @property {string} file
 * @property {number} line
 * @property {string} text
 * @property {string[]} from the first distinct channels that it starts at
 * @property {string[]} to
 * @property {number} count how many mappings it makes
 * @property {ChannelId[]} from_ids
 * @property {ChannelId[]} to_ids
 * @property {string[]} held
 */

/**
 * @typedef {object} Show
 * @property {string} name
 * @property {string} version
 * @property {number} started
 * @property {number} plan
 * @property {number} instances
 * @property {number} mappings
 * @property {"look" | "operate"} role
 * @property {boolean} locked
 */

export {};
