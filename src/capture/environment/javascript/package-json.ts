/** What a `package.json` says, as far as it is of the expected form. */

/** The fields that are read. */
export interface Manifest {
  readonly name?: string
  readonly version?: string
  readonly packageManager?: string
  readonly engines?: Readonly<Record<string, string>>
}

/** Reads a manifest; a broken one of one package is no reason to lose the others. */
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

/** The value of a JSON text, `undefined` if it is none. */
export function parseHint(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
  } catch {
    return undefined
  }
}
