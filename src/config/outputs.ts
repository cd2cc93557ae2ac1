/** The options of outputs to other tools: their form, checked, and how a record holds them. */
import { resolve } from 'node:path'
import { z } from 'zod/mini'
import { redactUrl } from '../secrets/redact.ts'
import { LineaprintError } from '../core/errors.ts'
import { nearest } from '../core/options.ts'
import type { JsonObject } from '../core/json-value.ts'

/** What a caller or a configuration says. */
export interface MlflowOptions {
  /** Address of the tracking server. @default the variable MLFLOW_TRACKING_URI */
  readonly trackingUri?: string | undefined
  /** Name of the experiment. @default the name of lineaprint's experiment */
  readonly experiment?: string | undefined
  /** How long the end of a run may wait for the server, in milliseconds. @default 30000 */
  readonly timeoutMs?: number | undefined
}

/** Where the run shall stand. */
export interface WandbTarget {
  /** @default the name of the experiment */
  readonly project?: string | undefined
  /** User or team. @default that of the one who syncs */
  readonly entity?: string | undefined
}

/** Where and as what the run is written for `wandb sync`. */
export interface WandbOptions extends WandbTarget {
  /** Folder of all such runs. @default `wandb` in the store */
  readonly directory?: string | undefined
}

/** Outputs that a configuration may ask for. */
export interface OutputOptions {
  /**
   * Write the run as W&B keeps one that it could not send, for `wandb sync`. Nothing is sent. @default false
   */
  readonly saveToWandb?: boolean | WandbOptions | undefined
  /**
   * Send the run to an MLflow server while it goes on; `true` takes the server from MLFLOW_TRACKING_URI. What cannot be
   * sent is a warning of the run and never its failure. @default false
   */
  readonly saveToMlflow?: boolean | MlflowOptions | undefined
}

const text = z.optional(z.string().check(z.minLength(1)))

const FORMS = {
  saveToWandb: z.strictObject({ directory: text, project: text, entity: text }),
  saveToMlflow: z.strictObject({
    trackingUri: text,
    experiment: text,
    timeoutMs: z.optional(z.int().check(z.minimum(1), z.maximum(3_600_000))),
  }),
}

const form = z.custom<object>(
  (value) =>
    typeof value === 'boolean' || (typeof value === 'object' && value !== null && !Array.isArray(value)),
  'true, false or an object',
)

/** What can be said of each before its members are looked at. */
export const outputSchemas: { readonly [K in keyof OutputOptions]-?: z.ZodMiniType } = {
  saveToWandb: form,
  saveToMlflow: form,
}

/**
 * Checks the members of the options.
 *
 * @param folder What a relative `directory` is relative to.
 * @returns The options with absolute paths; only those that were given.
 * @throws ERR_LINEAPRINT_ARGUMENT naming the field.
 */
export function checkOutputs(options: OutputOptions, folder: string): OutputOptions {
  const { saveToWandb, saveToMlflow } = options
  checkForm('saveToWandb', saveToWandb)
  checkForm('saveToMlflow', saveToMlflow)
  const directory = typeof saveToWandb === 'object' ? saveToWandb.directory : undefined
  return {
    ...(typeof saveToWandb === 'object' && {
      saveToWandb: {
        ...saveToWandb,
        ...(directory !== undefined && { directory: resolve(folder, directory) }),
      },
    }),
    ...(typeof saveToMlflow === 'object' && { saveToMlflow: { ...saveToMlflow } }),
  }
}

function checkForm(option: keyof typeof FORMS, value: boolean | object | undefined): void {
  if (typeof value !== 'object') return
  const issue = FORMS[option].safeParse(value).error?.issues[0]
  if (issue === undefined) return
  const known = Object.keys(FORMS[option].shape)
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    const near = nearest(key, known)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${option} has no such member`, {
      field: `${option}.${key}`,
      expected: near === undefined ? `one of ${known.join(', ')}` : near,
      received: JSON.stringify(key),
    })
  }
  const field = String(issue.path[0])
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${option}.${field} is not usable`, {
    field: `${option}.${field}`,
    expected: field === 'timeoutMs' ? 'whole milliseconds from 1 to 3600000' : 'text that is not empty',
    received: typeof (value as Record<string, unknown>)[field],
  })
}

/** The options as a record holds them: an address without user name and password. */
export function describeOutputs({ saveToWandb, saveToMlflow }: OutputOptions): JsonObject {
  const { trackingUri } = typeof saveToMlflow === 'object' ? saveToMlflow : {}
  const mlflow =
    typeof saveToMlflow === 'object'
      ? { ...saveToMlflow, ...(trackingUri !== undefined && { trackingUri: redactUrl(trackingUri) }) }
      : (saveToMlflow ?? false)
  const plain = JSON.stringify({ saveToWandb: saveToWandb ?? false, saveToMlflow: mlflow })
  return JSON.parse(plain) as JsonObject
}
