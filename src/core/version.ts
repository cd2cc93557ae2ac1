/** The version of this package. A test holds it equal to `package.json` and to the addon's. */
export const VERSION = '0.1.0'
