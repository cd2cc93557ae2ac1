/** The structure of a model: its type, hyperparameters, quantisation and layers, from its files and their configuration. */
import { describeGroup } from './name-pattern.ts'
import { readParts } from './read.ts'
import type { ParsedJson } from '../json/parse.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { LayerPattern } from './name-pattern.ts'
import type { ModelListing, ModelOptions, ModelParts } from './read.ts'

/** The way in which the elements of a model were quantised. */
export interface Quantisation {
  /** `gptq`, `awq`, `bitsandbytes` …, as the configuration spells it; `ggml` for types of blocks. */
  readonly method: string
  /** Settings of the configuration, or tensors of each type of blocks. */
  readonly settings: Readonly<Record<string, JsonValue>>
}

/** The structure of a model, apart from its values. */
export interface ModelStructure {
  /** The type that the configuration states: `llama`, `Sequential`. Absent if there is none. */
  readonly type?: string
  /** The classes that it names: `LlamaForCausalLM`. Empty if there are none. */
  readonly classes: readonly string[]
  /** Its numbers, texts and lists of them that count, by their paths. */
  readonly hyperparameters: Readonly<Record<string, JsonValue>>
  /** Layers of each class, where the configuration lists them. Absent otherwise. */
  readonly layerClasses?: Readonly<Record<string, number>>
  /** Absent if nothing says that it is quantised. */
  readonly quantisation?: Quantisation
  /** The tensors, those whose names differ only in numbers together. */
  readonly layers: readonly LayerPattern[]
}

/** A model with its structure. */
export interface DescribedModel {
  readonly listing: ModelListing
  readonly structure: ModelStructure
}

/**
 * Read a model and describe it. The cost is that of {@link readModel}.
 *
 * @param path A weights file, a shard index, or a folder with either.
 * @throws The errors of {@link readModel}, except UNSUPPORTED for a tensor of an unknown type.
 */
export async function describeModel(path: string, options: ModelOptions = {}): Promise<DescribedModel> {
  const parts = await readParts(path, options)
  return { listing: parts.listing, structure: structureOf(parts) }
}

/**
 * Return what a model is as JSON: the file `<name>_architecture.json`.
 *
 * @param name The name of the model.
 */
export function structureJson(name: string, { listing, structure }: DescribedModel): object {
  return {
    name,
    format: listing.format,
    digests: listing.digests,
    tensors: listing.tensorCount,
    parameters: listing.parameters,
    ...(listing.buffers && { buffers: listing.buffers }),
    bytes: listing.bytes,
    dtypes: listing.dtypes,
    ...structure,
    ties: listing.ties,
    leftOut: listing.config?.ignored ?? [],
  }
}

/** Members of a configuration that are said in fields of their own. */
const REPORTED_ALONE: ReadonlySet<string> = new Set(['architectures', 'model_type', 'quantization_config'])

function structureOf({ listing, config, metadata, groups }: ModelParts): ModelStructure {
  const root = config?.value instanceof Map ? config.value : new Map<string, ParsedJson>()
  const layerClasses = classesOfLayers(root)
  const quantisation = quantisationOf(root, listing, metadata)
  const type = typeOf(root, metadata)
  return {
    ...(type !== undefined && { type }),
    classes: textsOf(root.get('architectures') ?? root.get('_class_name')),
    hyperparameters: {
      ...fromPairs(metadata),
      ...(layerClasses === undefined && flatten(root)),
    },
    ...(layerClasses && { layerClasses }),
    ...(quantisation && { quantisation }),
    layers: groups.map((group) => describeGroup(group)),
  }
}

/** Return the type that a configuration, or the table of a GGUF file, states. */
function typeOf(
  root: ReadonlyMap<string, ParsedJson>,
  metadata: ReadonlyMap<string, string>,
): string | undefined {
  const stated = ['model_type', 'peft_type', 'class_name'].map((key) => root.get(key))
  return stated.find((value) => typeof value === 'string') ?? metadata.get('general.architecture')
}

function textsOf(value: ParsedJson | undefined): string[] {
  const items = Array.isArray(value) ? value : [value]
  return items.filter((item) => typeof item === 'string')
}

/** Return the hyperparameters of a GGUF file: the pairs below the name of its architecture, as text. */
function fromPairs(metadata: ReadonlyMap<string, string>): Record<string, JsonValue> {
  const architecture = metadata.get('general.architecture')
  if (architecture === undefined) return {}
  return fromEntries([...metadata].filter(([key]) => key.startsWith(`${architecture}.`)))
}

/** Build an object; `fromEntries` keeps a key that is named like the prototype. */
function fromEntries<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries)
}

/** Return the values of a configuration by their paths; lists of objects are left out. */
function flatten(root: ReadonlyMap<string, ParsedJson>): Record<string, JsonValue> {
  const values: [string, JsonValue][] = []
  const visit = (members: ReadonlyMap<string, ParsedJson>, path: string): void => {
    for (const [key, value] of members) {
      if (path === '' && REPORTED_ALONE.has(key)) continue
      if (value instanceof Map) visit(value, `${path}${key}.`)
      // JSON has no form for a number that is not finite.
      else if (typeof value === 'number' && !Number.isFinite(value)) values.push([path + key, String(value)])
      else if (isListOrScalar(value)) values.push([path + key, value])
    }
  }
  visit(root, '')
  return fromEntries(values)
}

function isListOrScalar(
  value: ParsedJson,
): value is Exclude<ParsedJson, Map<string, ParsedJson>> & JsonValue {
  return Array.isArray(value) ? value.every((item) => isListOrScalar(item)) : !(value instanceof Map)
}

/** Count the classes of the layers that a configuration of Keras lists, at every depth. */
function classesOfLayers(root: ReadonlyMap<string, ParsedJson>): Record<string, number> | undefined {
  const config = root.get('config')
  if (!root.has('class_name') || !(config instanceof Map) || !Array.isArray(config.get('layers')))
    return undefined
  const counts = new Map<string, number>()
  const visit = (layers: ParsedJson | undefined): void => {
    if (!Array.isArray(layers)) return
    for (const layer of layers) {
      const name = layer instanceof Map ? layer.get('class_name') : undefined
      if (!(layer instanceof Map) || typeof name !== 'string') continue
      counts.set(name, (counts.get(name) ?? 0) + 1)
      const inner = layer.get('config')
      if (inner instanceof Map) visit(inner.get('layers'))
    }
  }
  visit(config.get('layers'))
  return fromEntries([...counts])
}

function quantisationOf(
  root: ReadonlyMap<string, ParsedJson>,
  { dtypes }: ModelListing,
  metadata: ReadonlyMap<string, string>,
): Quantisation | undefined {
  const stated = root.get('quantization_config')
  if (stated instanceof Map) return statedQuantisation(stated)
  const blocks = Object.entries(dtypes).filter(([dtype]) => dtype.startsWith('GGML_'))
  if (blocks.length === 0) return undefined
  const counts = blocks.map(([dtype, { tensors }]) => [dtype.slice('GGML_'.length), tensors] as const)
  const version = metadata.get('general.quantization_version')
  const settings = { ...fromEntries<JsonValue>(counts), ...(version !== undefined && { version }) }
  return { method: 'ggml', settings }
}

function statedQuantisation(stated: ReadonlyMap<string, ParsedJson>): Quantisation {
  const method = stated.get('quant_method')
  const settings = flatten(stated)
  if (typeof method === 'string') {
    delete settings['quant_method']
    return { method, settings }
  }
  // The first versions of bitsandbytes name no method.
  const isBits = stated.has('load_in_8bit') || stated.has('load_in_4bit')
  return { method: isBits ? 'bitsandbytes' : 'not stated', settings }
}
