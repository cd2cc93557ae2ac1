/**
 * Redaction of a run: everything that becomes part of its record, journal, logs and exports passes through here.
 *
 * The tracker itself works with what it was given, since it must find the files again that a secret name names.
 */
import { LineaprintError } from '../core/errors.ts'
import { redactArguments, redactText } from '../secrets/redact.ts'
import { redactJson, redactMember, redactString, uniqueName } from '../secrets/values.ts'
import type { Configuration } from '../config/options.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { EventBody } from '../record/events.ts'
import type { RunRecord } from '../record/record.ts'

const BY_SHAPE = { byName: false }
const BY_NAME = { byName: true }

/** The built-in captures have fields of known names, none of which is secret. */
const BUILT_IN: ReadonlySet<string> = new Set(['environment', 'git', 'seeds'])

/** Removes the secrets of one run. */
export class Redaction {
  /** `false` if the configuration keeps secrets: nothing is changed then. */
  readonly isOn: boolean
  /** Names that were given, and the recorded ones: one for each, so that no two become one. */
  readonly #names = new Map<string, string>()
  readonly #taken = new Set<string>()

  constructor({ redact }: Pick<Configuration, 'redact'>) {
    this.isOn = redact
  }

  /** Return the recorded form of the name of a metric, digest, dataset, model or output. */
  name(given: string): string {
    if (!this.isOn) return given
    const known = this.#names.get(given)
    if (known !== undefined) return known
    const clean = redactText(given)
    const name = clean === given ? given : uniqueName(clean, this.#taken)
    if (name !== given) this.#taken.add(name)
    this.#names.set(given, name)
    return name
  }

  /** Return the recorded form of a text. */
  text(given: string): string {
    return this.isOn ? redactText(given) : given
  }

  /**
   * Check the id of a run, which is also the name of its folder.
   *
   * @throws ERR_LINEAPRINT_CONFIGURATION if it has a secret, since a folder cannot have another name than its run.
   */
  checkId(id: string): void {
    if (!this.isOn || redactText(id) === id) return
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', 'the id of the run may contain a secret', {
      field: 'experimentId',
      expected: 'an id without a token or a password',
      hint: 'choose another id, or keep secrets with --no-redact',
    })
  }

  /** Return the options of outputs with the names that other tools get. Addresses stay: they are used. */
  outputs<T extends Pick<Configuration, 'saveToWandb' | 'saveToMlflow'>>(options: T): T {
    if (!this.isOn) return options
    const { saveToWandb: wandb, saveToMlflow: mlflow } = options
    return {
      ...options,
      saveToWandb:
        typeof wandb === 'object'
          ? { ...wandb, project: textOf(wandb.project), entity: textOf(wandb.entity) }
          : wandb,
      saveToMlflow:
        typeof mlflow === 'object' ? { ...mlflow, experiment: textOf(mlflow.experiment) } : mlflow,
    }
  }

  /** Return the recorded form of an event; the event itself if it has no secret. */
  event(event: EventBody): EventBody {
    if (!this.isOn) return event
    switch (event.type) {
      case 'metric':
      case 'digest':
      case 'started': {
        const name = this.name(event.name)
        return name === event.name ? event : { ...event, name }
      }
      case 'tracked': {
        const name = this.name(event.name)
        const entry = redactJson(event.entry as JsonObject, BY_SHAPE) as typeof event.entry
        return name === event.name && entry === event.entry ? event : { ...event, name, entry }
      }
      case 'capture': {
        const options = BUILT_IN.has(event.component) ? BY_SHAPE : BY_NAME
        const result = redactJson(event.result as JsonObject, options) as typeof event.result
        return result === event.result ? event : { ...event, result }
      }
      case 'metadata': {
        const values = this.metadata(event.values)
        return values === event.values ? event : { ...event, values }
      }
      case 'flag': {
        const { name } = event.flag
        const flag = redactJson(event.flag as unknown as JsonObject, BY_SHAPE) as unknown as typeof event.flag
        const named = name === undefined ? flag : { ...flag, name: this.name(name) }
        return flag === event.flag && named.name === name ? event : { ...event, flag: named }
      }
      case 'parameter': {
        const name = this.name(event.name)
        // The name of a parameter in a group is that after the last dot.
        const value = redactMember(event.name.slice(event.name.lastIndexOf('.') + 1), event.value, BY_NAME)
        return name === event.name && value === event.value ? event : { ...event, name, value }
      }
      case 'merged': {
        const name = this.name(event.name)
        return name === event.name ? event : { ...event, name }
      }
      case 'derivation': {
        const { name, from, params, ...rest } = event
        return {
          ...(redactJson(rest as unknown as JsonObject, BY_SHAPE) as unknown as typeof event),
          name: this.name(name),
          from: from.map((source) => this.name(source)),
          ...(params !== undefined && { params: this.metadata(params) }),
        }
      }
      case 'ended':
        return event
      case 'command':
      case 'process':
      case 'rank':
      case 'metric-file':
      case 'tags':
      case 'notes':
      case 'warning':
      case 'failure':
        break
    }
    // Texts without names of their own.
    return redactJson(event as unknown as JsonObject, BY_SHAPE) as unknown as EventBody
  }

  /** Return the recorded form of the record with which a run starts. */
  record(record: RunRecord): RunRecord {
    if (!this.isOn) return record
    const { command, configuration } = record
    const { metadata = {}, ...options } = configuration
    const name = this.name(record.name)
    const runName = record.runName === undefined ? undefined : redactText(record.runName)
    return {
      ...record,
      name,
      ...(runName !== undefined && { runName }),
      command: {
        ...command,
        argv: redactArguments(command.argv),
        workingDirectory: redactString(command.workingDirectory),
      },
      tags: [...new Set(record.tags.map((tag) => redactText(tag)))],
      notes: redactText(record.notes),
      metadata: this.metadata(record.metadata),
      configuration: {
        ...redactJson(options, BY_SHAPE),
        experimentName: name,
        runName: runName ?? null,
        metadata: this.metadata(metadata as JsonObject),
      },
    }
  }

  /** Return the recorded form of data in which names tell what a value is. */
  metadata(values: JsonObject): JsonObject {
    if (!this.isOn) return values
    let isChanged = false
    const entries = Object.entries(values).map(([key, value]) => {
      const [name, clean] = [this.name(key), redactMember(key, value, BY_NAME)]
      isChanged ||= name !== key || clean !== value
      return [name, clean] as const
    })
    return isChanged ? Object.fromEntries(entries) : values
  }
}

function textOf(given: string | undefined): string | undefined {
  return given === undefined ? undefined : redactText(given)
}
