/**
 * The only importer of the addon's generated loader. It checks the addon's version, and explains what to do
 * if no binary fits.
 */
import { arch, env, platform, report } from 'node:process'
import { LineaprintError } from '../core/errors.ts'
import { VERSION } from '../core/version.ts'

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
} from '../../native/index.js'

type Native = typeof import('../../native/index.js')

/** The platforms that have a binary, as spelled in package names. */
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

/** The addon. A failure to load it is thrown at import, with the list of attempts. */
export const native: Native = await load()

async function load(): Promise<Native> {
  let addon: Native
  try {
    addon = await import('../../native/index.js')
  } catch (cause) {
    throw unloadable(cause)
  }
  // Very old addons lack this function, and the loader accepts any file it finds.
  const version = typeof addon.version === 'function' ? addon.version() : 'none'
  if (version !== VERSION) {
    throw new LineaprintError('ERR_LINEAPRINT_ADDON', 'the addon has another version than the package', {
      expected: VERSION,
      received: version,
      hint: `run "npm install ${packageFor(platformName())}@${VERSION}" so that both parts match`,
    })
  }
  return addon
}

/** Return the platform as spelled in package names, for example `linux-x64-gnu`. */
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

/**
 * Build the error with the attempts and the remedy, which depends on whether a binary exists and whether it
 * was rejected.
 */
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
            ? 'unset NAPI_RS_NATIVE_LIBRARY_PATH, or set it to an existing file'
            : `${install}; npm skips it with --omit=optional, and node_modules cannot be copied between platforms`,
        ]
      : [
          `the binary for ${name} does not load: ${tried}: ${refusal}`,
          `${install}; if this system is older than the binary, build lineaprint from its source with Rust`,
        ]
  return new LineaprintError('ERR_LINEAPRINT_ADDON', message, { hint, cause })
}

/** Return the loader's message for each attempt, one line each. It chains them as causes of its own error. */
function reasons(error: unknown): string[] {
  const messages: string[] = []
  for (let at = error instanceof Error ? error.cause : undefined; at instanceof Error; at = at.cause) {
    const [line = ''] = at.message.split('\n')
    // The loader also tries a WebAssembly build, which does not exist.
    if (!/wasi|wasm32/.test(line)) messages.push(line)
  }
  return messages
}
