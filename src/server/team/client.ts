/** The client of the server of a team: the questions of the page, and the addresses by which runs are moved. */
import { resolveReference } from '../../store/reference.ts'
import { isRunId } from '../../core/run-id.ts'
import { LineaprintError } from '../../core/errors.ts'
import { RECORD_LIMIT } from '../../record/seal.ts'
import { parsed } from '../../transfer/answer.ts'
import { TransferClient } from '../../transfer/client.ts'
import { diffSchema, runListSchema, runSchema } from '../api/schemas.ts'
import { auditSchema } from './audit-schema.ts'
import type { RunId } from '../../core/run-id.ts'
import type { NamedRun } from '../../store/reference.ts'
import type { RequestOptions } from '../../transfer/client.ts'
import type { DiffBody, ListedRunBody, RunBody, RunListBody } from '../api/types.ts'
import type { AuditBody } from './audit-body.ts'

/** A part of a list of runs that is asked for. */
export interface RunQuery extends RequestOptions {
  /** An expression, as of `listRuns`. @default all runs */
  readonly where?: string | undefined
  /** Fields, each descending after `-`. @default the newest first */
  readonly sort?: readonly string[] | undefined
  /** Fields whose values are wanted. @default those in which the first runs differ */
  readonly columns?: readonly string[] | undefined
  /** The list of an earlier answer, to read on in it. */
  readonly list?: string | undefined
  /** Position of the first run. @default 0 */
  readonly offset?: number | undefined
  /** Number of runs, at most 1000. @default 100 */
  readonly limit?: number | undefined
}

/** Bytes of the longest answer of each kind. */
const ANSWER_LIMITS = {
  /** A thousand runs, with the values of columns. */
  runs: 128 << 20,
  /** A record, whose characters can be escaped. */
  run: 2 * RECORD_LIMIT,
  /** A thousand entries. */
  audit: 4 << 20,
} as const

/** Runs of one part of a list that is read whole. */
const PART = 1000

/**
 * A client of the server of a team. Answers are checked against the schemas that the server uses.
 *
 * @throws The errors of every method are those of `TransferClient`.
 */
export class TeamClient extends TransferClient {
  /** Return a part of a list of runs. */
  async runs(query: RunQuery = {}): Promise<RunListBody> {
    const { where, sort, columns, list, offset, limit, signal } = query
    const search = {
      where,
      sort,
      column: columns,
      list,
      offset: numberText(offset),
      limit: numberText(limit),
    }
    return parsed(runListSchema, await this.ask('/runs', { search, signal }), ANSWER_LIMITS.runs)
  }

  /** Yield all runs that an expression selects, the newest first. */
  async *allRuns(query: Pick<RunQuery, 'where' | 'signal'> = {}): AsyncGenerator<ListedRunBody> {
    let list: string | undefined
    for (let offset = 0; ; offset += PART) {
      const part = await this.runs({ ...query, columns: ['name'], list, offset, limit: PART })
      list = part.list
      yield* part.runs
      if (offset + PART >= part.matched) return
    }
  }

  /** Return one run; of a running run, what it has recorded so far. */
  async run(id: string, options: RequestOptions = {}): Promise<RunBody> {
    return parsed(runSchema, await this.ask(`/runs/${encodeURIComponent(id)}`, options), ANSWER_LIMITS.run)
  }

  /** Compare two runs by their records. */
  async diff(before: string, after: string, options: RequestOptions = {}): Promise<DiffBody> {
    return parsed(
      diffSchema,
      await this.ask('/diff', { search: { before, after }, ...options }),
      ANSWER_LIMITS.run,
    )
  }

  /** Return the newest entries of the audit log. The token must be of an admin. */
  async audit(
    part: RequestOptions & { readonly before?: number; readonly limit?: number } = {},
  ): Promise<AuditBody> {
    const { before, limit, signal } = part
    const search = { before: numberText(before), limit: numberText(limit) }
    return parsed(auditSchema, await this.ask('/audit', { search, signal }), ANSWER_LIMITS.audit)
  }

  /** Find the run that a reference names, as `findRun` does in a store. */
  async find(reference: string, options: RequestOptions = {}): Promise<RunId> {
    if (isRunId(reference) && (await this.#isThere(reference, options))) return reference
    const runs: NamedRun[] = []
    for await (const { id, name, runName, tags } of this.allRuns(options))
      if (isRunId(id)) runs.push({ id, name, runName, tags })
    if (runs.length === 0)
      throw new LineaprintError('ERR_LINEAPRINT_RUN', 'the project has no runs', {
        path: this.url,
        hint: 'send one there with "lineaprint push", or use a token of another project',
      })
    // Oldest first.
    runs.reverse()
    return resolveReference(reference, { runs, ids: runs.map(({ id }) => id) }, this.url)
  }

  async #isThere(id: RunId, options: RequestOptions): Promise<boolean> {
    try {
      await this.run(id, options)
      return true
    } catch (error) {
      if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_RUN') return false
      throw error
    }
  }
}

function numberText(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value)
}
