/** The only loader of the addon. It checks the addon's version, and explains what to do if no binary fits. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process, { argv, cwd, dlopen, env, versions } from 'node:process'
import { LineaprintError } from '../core/errors.ts'
import { VERSION } from '../core/version.ts'
import { ownPath } from '../util/own-package.ts'
import { PLATFORMS, packageFor, platformName } from './platform.ts'

export type {
  NativeArchive,
  NativeCacheUsage,
  NativeCompared,
  NativeCopiedPart,
  NativeDerivationCheck,
  NativeDerivationFiles,
  NativeDerivationOutcome,
  NativeDerivationPart,
  NativeDerivationRule,
  NativeDerivationSources,
  NativeDerivedForm,
  NativeEntries,
  NativeExtent,
  NativeFailure,
  NativeHealth,
  NativeKnownFile,
  NativeLeaks,
  NativeListedRow,
  NativeMdsFile,
  NativeMdsShard,
  NativeMixedLineEnds,
  NativeModel,
  NativePart,
  NativePartContent,
  NativeRowOutcome,
  NativeShard,
  NativeColumnStatistics,
  NativeTable,
  NativeTensorDigests,
  NativeTree,
  NativeTreeItem,
  NativeWeights,
} from '../../native/index.js'

type Native = typeof import('../../native/index.js')

/** The addon. A failure to load it is thrown at import, with what was tried. */
export const native: Native = load()

function load(): Native {
  const name = platformName()
  const addon = env['NAPI_RS_NATIVE_LIBRARY_PATH'] ? givenAddon(name) : ownAddon(name)
  // Very old addons lack this function, and any file may be given.
  const version = typeof addon.version === 'function' ? addon.version() : 'none'
  if (version !== VERSION) {
    throw new LineaprintError('ERR_LINEAPRINT_ADDON', 'the addon has another version than the package', {
      expected: VERSION,
      received: version,
      hint: `run "npm install ${packageFor(name)}@${VERSION}" so that both parts match`,
    })
  }
  return addon
}

/** Load the addon that a variable names. */
function givenAddon(name: string): Native {
  const path = env['NAPI_RS_NATIVE_LIBRARY_PATH'] ?? ''
  const attempt = tryRequire(join(cwd(), 'program'), path)
  if ('addon' in attempt) return attempt.addon
  throw unloadable(
    name,
    `${path} (NAPI_RS_NATIVE_LIBRARY_PATH)`,
    [attempt.error],
    'unset NAPI_RS_NATIVE_LIBRARY_PATH, or set it to an existing file',
  )
}

/** Load the addon of the repository, or that of the package for this platform. */
function ownAddon(name: string): Native {
  const wanted = packageFor(name)
  const file = ownPath('native', `lineaprint.${name}.node`)
  // A bundle of somebody else may have no place of its own, or that of the machine where it was built. The package is
  // found from the program then.
  const program = argv[1] ?? join(cwd(), 'program')
  const attempts =
    file !== undefined && existsSync(file)
      ? [() => tryOpen(file)]
      : [import.meta.url, program].map((from: string | undefined) => () => from && tryRequire(from, wanted))
  const errors: unknown[] = []
  for (const attemptTo of attempts) {
    const attempt = attemptTo()
    if (!attempt) continue
    if ('addon' in attempt) return attempt.addon
    errors.push(attempt.error)
  }
  throw unloadable(
    name,
    `native/lineaprint.${name}.node and the package ${wanted}`,
    errors,
    `run "npm install ${wanted}@${VERSION}"; npm skips it with --omit=optional, node_modules cannot be copied between platforms, and the addon cannot be part of a bundle (docs/runtimes.md)`,
  )
}

type Attempt = { addon: Native } | { error: unknown }

/** Load the addon from a file that exists. Other runtimes than Node take their own steps before they open one. */
function tryOpen(file: string): Attempt {
  if (versions['bun'] !== undefined || versions['deno'] !== undefined) return tryRequire(file, file)
  try {
    const module = { exports: {} }
    // To require it takes as long again: the modules of a package are looked for.
    dlopen(module, file)
    return { addon: module.exports as Native }
  } catch (error) {
    return { error }
  }
}

function tryRequire(from: string, id: string): Attempt {
  try {
    // Bundlers read the other ways to require, and warn or replace them.
    return { addon: process.getBuiltinModule('node:module').createRequire(from)(id) as Native }
  } catch (error) {
    return { error }
  }
}

/**
 * Build the error with the attempts and the remedy, which depends on whether a binary exists and whether it
 * was rejected.
 */
function unloadable(
  name: string,
  tried: string,
  errors: readonly unknown[],
  missing: string,
): LineaprintError {
  const refusal = errors.find((error) => (error as { code?: unknown }).code !== 'MODULE_NOT_FOUND')
  const [message, hint] = !PLATFORMS.includes(name)
    ? [
        `there is no binary for ${name}: tried ${tried}`,
        `there are binaries for ${PLATFORMS.join(', ')}; elsewhere, build lineaprint from its source with Rust`,
      ]
    : refusal === undefined
      ? [`the binary for ${name} is missing: tried ${tried}`, missing]
      : [
          `the binary for ${name} does not load: tried ${tried}: ${firstLine(refusal)}`,
          `run "npm install ${packageFor(name)}@${VERSION}"; if this system is older than the binary, build lineaprint from its source with Rust`,
        ]
  return new LineaprintError('ERR_LINEAPRINT_ADDON', message, { hint, cause: refusal ?? errors[0] })
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? ''
}
