/**
 * The only importer of the addon's generated loader: checks that the addon is of this version, and says what
 * to do when no binary fits.
 */
import { arch, env, platform, report } from 'node:process'
import { LineaprintError } from './errors.ts'
import { VERSION } from './version.ts'

export type {
  NativeCacheUsage,
  NativeEntries,
  NativeExtent,
  NativeFailure,
  NativeModel,
  NativePart,
  NativePartContent,
  NativeShard,
  NativeTable,
  NativeTensorDigests,
  NativeTree,
  NativeTreeItem,
  NativeWeights,
} from '../native/index.js'

type Native = typeof import('../native/index.js')

/** The platforms that have a binary, in the words of the package names. */
export const PLATFORMS: readonly string[] = [
  'linux-x64-gnu',
  'linux-x64-musl',
  'linux-arm64-gnu',
  'linux-arm64-musl',
  'darwin-x64',
  'darwin-arm64',
  'win32-x64-msvc',
  'win32-arm64-msvc',
]

/** The addon. Loading it fails at import, with a message that says what was tried. */
export const native: Native = await load()

async function load(): Promise<Native> {
  let addon: Native
  try {
    addon = await import('../native/index.js')
  } catch (cause) {
    throw unloadable(cause)
  }
  // An addon that old has no such function; the loader takes whatever lies there.
  const version = typeof addon.version === 'function' ? addon.version() : 'none'
  if (version !== VERSION) {
    throw new LineaprintError('ERR_LINEAPRINT_ADDON', 'the addon is of another version', {
      expected: VERSION,
      received: version,
      hint: `run "npm install ${packageFor(platformName())}@${VERSION}" so that both parts match`,
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
  const header = (report.getReport() as { header?: { glibcVersionRuntime?: string } }).header
  return header?.glibcVersionRuntime === undefined
}

function packageFor(name: string): string {
  return `@lineaprint/binding-${name}`
}

/** Says what was tried and what to do, which depends on whether there is a binary, and whether it was refused. */
function unloadable(cause: unknown): LineaprintError {
  const name = platformName()
  const override = env['NAPI_RS_NATIVE_LIBRARY_PATH']
  const tried = override
    ? `tried ${override} (NAPI_RS_NATIVE_LIBRARY_PATH)`
    : `tried native/lineaprint.${name}.node and the package ${packageFor(name)}`
  const refusal = reasons(cause).find((reason) => !/^Cannot find (module|package)/.test(reason))
  const install = `run "npm install ${packageFor(name)}@${VERSION}"`
  const [message, hint] = !PLATFORMS.includes(name)
    ? [
        `there is no binary for ${name}: ${tried}`,
        `there are binaries for ${PLATFORMS.join(', ')}; elsewhere, build lineaprint from its source with Rust`,
      ]
    : refusal === undefined
      ? [
          `the binary for ${name} is missing: ${tried}`,
          override
            ? 'unset NAPI_RS_NATIVE_LIBRARY_PATH, or let it name a file that is there'
            : `${install}; npm leaves it out under --omit=optional, and node_modules does not move between systems`,
        ]
      : [
          `the binary for ${name} does not load: ${tried}: ${refusal}`,
          `${install}; if this system is older than the binary, build lineaprint from its source with Rust`,
        ]
  return new LineaprintError('ERR_LINEAPRINT_ADDON', message, { hint, cause })
}

/** What the loader says of each of its attempts, one line each: it chains them as causes below its own error. */
function reasons(error: unknown): string[] {
  const found: string[] = []
  for (let at = error instanceof Error ? error.cause : undefined; at instanceof Error; at = at.cause) {
    const [line = ''] = at.message.split('\n')
    // The loader also looks for a WebAssembly build, which there is none of.
    if (!/wasi|wasm32/.test(line)) found.push(line)
  }
  return found
}
