/** The records of a run file of W&B, each as the bytes of one `wandb_internal.Record`. */
import { WANDB_PROTO } from './proto.ts'
import { integer, message, nested, text, timestamp } from './protobuf.ts'
import type { Field } from './protobuf.ts'

const {
  Record: RECORD,
  HeaderRecord: HEADER,
  VersionInfo: VERSION_INFO,
  RunRecord: RUN,
  ConfigRecord: CONFIG,
  ConfigItem: CONFIG_ITEM,
  EnvironmentRecord: ENVIRONMENT,
  GitRepoRecord: GIT,
  HistoryRecord: HISTORY,
  HistoryItem: HISTORY_ITEM,
  HistoryStep: HISTORY_STEP,
  SummaryRecord: SUMMARY,
  SummaryItem: SUMMARY_ITEM,
  FilesRecord: FILES,
  FilesItem: FILES_ITEM,
  RunExitRecord: EXIT,
} = WANDB_PROTO.messages

/** Fields that identify a run in W&B. */
export interface RunHead {
  readonly id: string
  readonly project: string
  readonly entity: string | undefined
  readonly name: string
  readonly notes: string
  readonly tags: readonly string[]
  readonly host: string
  /** Milliseconds since 1970. */
  readonly startTime: number
  readonly commit: string | undefined
  readonly remote: string | undefined
  readonly config: Readonly<Record<string, unknown>>
}

/** The environment of a run. */
export interface RunEnvironment {
  /** Label that distinguishes the environments of several processes that write the same run. */
  readonly writer: string
  readonly os: string | undefined
  readonly python: string | undefined
  readonly startTime: number
  readonly program: string
  readonly args: readonly string[]
  readonly directory: string
  readonly host: string
  readonly commit: string | undefined
  readonly remote: string | undefined
}

/** Makes records; they are numbered in the order in which they are made. */
export class RecordMaker {
  #number = 0

  /** A `HeaderRecord`. */
  header(producer: string): Buffer {
    return this.#record(RECORD.header, nested(HEADER.version_info, text(VERSION_INFO.producer, producer)))
  }

  /** A `RunRecord`. */
  run(head: RunHead): Buffer {
    return this.#record(
      RECORD.run,
      text(RUN.run_id, head.id),
      ...(head.entity === undefined ? [] : [text(RUN.entity, head.entity)]),
      text(RUN.project, head.project),
      nested(RUN.config, ...items(CONFIG.update, CONFIG_ITEM, head.config)),
      text(RUN.display_name, head.name),
      text(RUN.notes, head.notes),
      ...head.tags.map((tag) => text(RUN.tags, tag)),
      text(RUN.host, head.host),
      timestamp(RUN.start_time, head.startTime),
      ...git(RUN.git, head),
    )
  }

  /** An `EnvironmentRecord`. */
  environment(of: RunEnvironment): Buffer {
    return this.#record(
      RECORD.environment,
      ...(of.os === undefined ? [] : [text(ENVIRONMENT.os, of.os)]),
      ...(of.python === undefined ? [] : [text(ENVIRONMENT.python, of.python)]),
      timestamp(ENVIRONMENT.started_at, of.startTime),
      ...of.args.map((argument) => text(ENVIRONMENT.args, argument)),
      text(ENVIRONMENT.program, of.program),
      ...git(ENVIRONMENT.git, of),
      text(ENVIRONMENT.root, of.directory),
      text(ENVIRONMENT.host, of.host),
      text(ENVIRONMENT.writer_id, of.writer),
    )
  }

  /** A `HistoryRecord`: values of metrics at one step. */
  history(step: number, values: Readonly<Record<string, unknown>>): Buffer {
    return this.#record(
      RECORD.history,
      ...items(HISTORY.item, HISTORY_ITEM, values),
      nested(HISTORY.step, integer(HISTORY_STEP.num, step)),
    )
  }

  /** A `SummaryRecord`. */
  summary(values: Readonly<Record<string, unknown>>): Buffer {
    return this.#record(RECORD.summary, ...items(SUMMARY.update, SUMMARY_ITEM, values))
  }

  /** A `FilesRecord`: files below `files/` that are to be uploaded when the run ends. */
  files(paths: readonly string[]): Buffer {
    const policy = integer(FILES_ITEM.policy, WANDB_PROTO.policies.END)
    return this.#record(
      RECORD.files,
      ...paths.map((path) => nested(FILES.files, text(FILES_ITEM.path, path), policy)),
    )
  }

  /** A `RunExitRecord`. @param runtime Seconds. */
  exit(code: number, runtime: number): Buffer {
    return this.#record(RECORD.exit, integer(EXIT.exit_code, code), integer(EXIT.runtime, runtime))
  }

  /** A `FinalRecord`, which is empty. */
  final(): Buffer {
    return this.#record(RECORD.final)
  }

  /** A `FooterRecord`, which is empty. */
  footer(): Buffer {
    return this.#record(RECORD.footer)
  }

  #record(type: number, ...fields: readonly Field[]): Buffer {
    return message(integer(RECORD.num, ++this.#number), nested(type, ...fields))
  }
}

function git(
  field: number,
  { commit, remote }: { commit: string | undefined; remote: string | undefined },
): Field[] {
  if (commit === undefined) return []
  const address = remote === undefined ? [] : [text(GIT.remote_url, remote)]
  return [nested(field, ...address, text(GIT.commit, commit))]
}

/** Encode each value as a message with its name and its JSON. */
function items(
  field: number,
  item: { readonly key: number; readonly value_json: number },
  values: Readonly<Record<string, unknown>>,
): Field[] {
  return Object.entries(values).map(([key, value]) =>
    nested(field, text(item.key, key), text(item.value_json, valueJson(value))),
  )
}

/** NaN and the infinities stand as what Python's JSON calls them, which is what W&B reads here. */
function valueJson(value: unknown): string {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : JSON.stringify(value)
}
