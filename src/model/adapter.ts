/** Adapters of PEFT: weights that change a base, and the digest that binds them to it. */
import { dirname, join, resolve } from 'node:path'
import { listDigests, primary, toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkPath } from '../core/options.ts'
import { parseJson } from '../json/parse.ts'
import { native } from '../native/load.ts'
import { isFolder, isReadError, pathExists } from '../util/fs.ts'
import { errorText, joinLines } from '../util/error-text.ts'
import { readRegular } from '../util/own-file.ts'
import { readConfig } from './config.ts'
import { cachedRepository } from './hub-cache.ts'
import type { Digests } from '../core/digest.ts'
import type { BaseBinding, ModelOptions, ModelParts, ModelReport } from './report.ts'

/** Name of the configuration of an adapter. */
const ADAPTER_CONFIG = 'adapter_config.json'

/** Names of the weights that PEFT writes. */
const ADAPTER_WEIGHTS = /^adapter_model(?:[.-].*)?$/

/** Reads a model with its digests. */
type ReadBase = (path: string) => Promise<{ readonly report: ModelReport }>

/**
 * Bind an adapter to its base: read the base, and compute the digest of both. A model that is no adapter stays as it is.
 *
 * The label in the configuration names a repository or a folder. It is not followed as a path: a file that was read does
 * not choose what else is read. Only a repository in the cache of the Hub is found by it.
 *
 * Cost: one read of the base.
 *
 * @param base The path of the base that the caller gave; `false` looks for none.
 * @throws ERR_LINEAPRINT_ARGUMENT if a base is given for a model that is no adapter; the errors of `readModel` for a base
 * that is given.
 */
export async function bindBase(
  parts: ModelParts,
  base: ModelOptions['base'],
  options: ModelOptions,
  readBase: ReadBase,
): Promise<ModelParts> {
  const { listing } = parts
  const folder = (await isFolder(listing.path)) ? listing.path : dirname(listing.path)
  const path = join(folder, ADAPTER_CONFIG)
  if (!listing.files.some(({ name }) => ADAPTER_WEIGHTS.test(name)) || !(await pathExists(path))) {
    if (typeof base === 'string') throw noAdapter(listing.path)
    return parts
  }
  const config = await readConfig(path)
  const stated = await labelOf(path)
  const label = stated.label === undefined ? {} : { label: stated.label }
  const notChecked = (reason: string): ModelParts => ({
    ...parts,
    listing: { ...listing, base: { status: 'not-checked', ...label, reason } },
  })
  const { weights } = listing.digests
  if (weights === undefined) return notChecked('the adapter itself has no digest of its weights')
  if (options.sample !== undefined) return notChecked('only a sample of the adapter was read')
  const selected = await findBase(base, stated)
  if ('reason' in selected) return notChecked(selected.reason)
  let report: ModelReport
  try {
    report = (await readBase(selected.path)).report
  } catch (error) {
    options.signal?.throwIfAborted()
    if (selected.from === 'given' || !isReadError(error)) throw error
    return notChecked(`its base in the cache of the Hub cannot be read: ${joinLines(errorText(error))}`)
  }
  const adapter = adapterDigest(config.canonical, weights, report)
  const { architecture, weights: baseWeights } = report
  const bound: BaseBinding = { status: 'bound', ...selected, ...label, architecture, weights: baseWeights }
  return {
    ...parts,
    listing: {
      ...listing,
      adapter: primary(adapter),
      base: bound,
      digests: { ...listing.digests, adapter },
    },
  }
}

/** Return the error about a base for what has none. */
export function noAdapter(path: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a base is given, and this is not an adapter', {
    path,
    field: 'base',
    expected: `a folder with ${ADAPTER_CONFIG} and adapter_model.safetensors`,
    received: 'another model',
  })
}

function adapterDigest(config: Uint8Array, weights: Digests, base: ModelReport): Digests {
  const each = listDigests(weights).map(({ algorithm, bytes }) => {
    const configDigest = primary(toDigests(native.hashBytes(config, algorithm)))
    const [architecture, baseWeights] = [base.digests.architecture, base.digests.weights].map(
      (digests: Digests) => listDigests(digests).find((digest) => digest.algorithm === algorithm),
    )
    if (architecture === undefined || baseWeights === undefined)
      throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', `the base has no ${algorithm} digests`)
    const raw = native.adapterDigest(
      configDigest.bytes,
      bytes,
      architecture.bytes,
      baseWeights.bytes,
      algorithm,
    )
    return toDigests(raw, 'adapter')
  })
  return Object.assign({}, ...each) as Digests
}

/** The base that a configuration names. */
interface StatedBase {
  readonly label?: string
  readonly revision?: string
}

async function labelOf(path: string): Promise<StatedBase> {
  // What is left out of the digests is read here.
  const { value } = parseJson(await readRegular(path, CONFIG_LIMIT), path)
  if (!(value instanceof Map)) return {}
  const [label, revision] = [value.get('base_model_name_or_path'), value.get('revision')]
  return {
    ...(typeof label === 'string' && label !== '' && { label }),
    ...(typeof revision === 'string' && revision !== '' && { revision }),
  }
}

/** The most bytes of a configuration of an adapter. */
const CONFIG_LIMIT = 64 << 20

type SelectedBase =
  { readonly path: string; readonly from: 'given' | 'hub-cache' } | { readonly reason: string }

async function findBase(base: ModelOptions['base'], { label, revision }: StatedBase): Promise<SelectedBase> {
  if (base === false) return { reason: 'its base was not looked for' }
  if (base !== undefined) return { path: resolve(checkPath(base)), from: 'given' }
  if (label === undefined) return { reason: 'its base was not given, and its configuration names none' }
  const path = await cachedRepository(label, revision)
  if (path !== undefined) return { path, from: 'hub-cache' }
  const at = revision === undefined ? '' : ` at revision ${JSON.stringify(revision)}`
  return {
    reason: `its base was not given, and the cache of the Hugging Face Hub has no repository ${JSON.stringify(label)}${at}`,
  }
}
