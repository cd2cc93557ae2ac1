/** Parsing of a `package.json`; fields of an unexpected form are left out. */

/** The fields that are read. */
export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly packageManager?: string
  readonly engines?: Readonly<Record<string, string>>
}

/** Parse a manifest; a damaged one has no fields, so that other packages are still captured. */
export function parseManifest(text: string): Manifest {
  const value = parseHint(text)
  const { name, version, packageManager, engines } = (
    value !== null && typeof value === 'object' ? value : {}
  ) as Record<string, unknown>
  const wanted = Object.entries(engines !== null && typeof engines === 'object' ? engines : {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return {
    ...(typeof name === 'string' && { name }),
    ...(typeof version === 'string' && { version }),
    ...(typeof packageManager === 'string' && { packageManager }),
    ...(wanted.length > 0 && { engines: Object.fromEntries(wanted) }),
  }
}

/** Parse a JSON text; `undefined` if it is not valid. */
export function parseHint(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
  } catch {
    return undefined
  }
}
