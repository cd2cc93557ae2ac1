/**
 * The only importer of the addon's generated loader: checks that the addon is of this version, and says what
 * to do when no binary fits.
 */
import { arch, platform, report } from 'node:process'
import { LineaprintError } from './errors.ts'
import { VERSION } from './version.ts'

export type {
  NativeDigests,
  NativeEntries,
  NativeFailure,
  NativeFile,
  NativeModel,
  NativePart,
  NativeShard,
  NativeTree,
} from '../native/index.js'

type Native = typeof import('../native/index.js')

/** The addon. Loading it fails at import, with a message that says what was tried. */
export const native: Native = await load()

async function load(): Promise<Native> {
  let addon: Native
  try {
    addon = await import('../native/index.js')
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_ADDON', `there is no binary for ${platformName()}`, {
      hint: loadHint(),
      cause,
    })
  }
  const version = addon.version()
  if (version !== VERSION) {
    throw new LineaprintError('ERR_LINEAPRINT_ADDON', 'the addon is of another version', {
      expected: VERSION,
      received: version,
      hint: 'install lineaprint again so that both parts match',
    })
  }
  return addon
}

/** The platform in the words of the package names, for example `linux-x64-gnu`. */
export function platformName(): string {
  const system = `${platform}-${arch}`
  if (platform === 'linux') return `${system}-${isMusl() ? 'musl' : 'gnu'}`
  if (platform === 'win32') return `${system}-msvc`
  return system
}

function isMusl(): boolean {
  // Without this the report asks name servers about every open connection.
  Object.assign(report, { excludeNetwork: true })
  const header = (report.getReport() as { header?: { glibcVersionRuntime?: string } }).header
  return header?.glibcVersionRuntime === undefined
}

function loadHint(): string {
  const wanted = `@lineaprint/binding-${platformName()}`
  return `tried native/ and ${wanted}: run "npm install ${wanted}@${VERSION}", and check that optional dependencies are not switched off (--omit=optional)`
}
