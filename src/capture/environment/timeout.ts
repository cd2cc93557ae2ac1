/** Milliseconds that each source of the environment has, unless the options say otherwise. */
export const SOURCE_TIMEOUT = 5000
