/**
 * The version of this package. A test checks that it equals the versions in `package.json` and in the addon.
 */
export const VERSION = '0.1.0'
