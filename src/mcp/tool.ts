/** A tool: a question about the store that a program or an agent asks. */
import type { z } from 'zod/mini'
import type { Component } from '../core/component.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { RunLists } from '../server/run-lists.ts'
import type { RunReader } from '../server/run-reader.ts'
import type { Store } from '../store/store.ts'
import { jsonText } from '../server/json.ts'
import { parseArguments } from './arguments.ts'
import type { Answer, ListPart } from './fit.ts'

/** The parts that tools use. */
export interface ToolServices {
  readonly store: Store
  /** Absolute path of the folder whose code and environment are compared with those of a run. */
  readonly directory: string
  readonly trackers: readonly Component[]
  readonly lists: RunLists
  readonly reader: RunReader
}

/** A tool. */
export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  /** Its arguments. */
  readonly schema: z.ZodMiniObject
  /**
   * Answer a question.
   *
   * @param given The arguments as the client gave them.
   * @returns The answer, and the most bytes that it may have.
   * @throws ERR_LINEAPRINT_ARGUMENT for wrong arguments, and the errors of the question.
   */
  readonly ask: (
    given: unknown,
    services: ToolServices,
    signal: AbortSignal,
  ) => Promise<{ readonly answer: Answer; readonly bytes: number }>
}

/** Arguments with those that every tool has. */
interface CommonArguments {
  readonly bytes: number
}

/** Define a tool. */
export function tool<S extends z.ZodMiniObject>(definition: {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly schema: S
  readonly answer: (
    args: z.infer<S> & CommonArguments,
    services: ToolServices,
    signal: AbortSignal,
  ) => Promise<Answer>
}): Tool {
  const { answer, ...rest } = definition
  return {
    ...rest,
    ask: async (given, services, signal) => {
      const args = parseArguments(rest.schema, given) as z.infer<S> & CommonArguments
      return { answer: await answer(args, services, signal), bytes: args.bytes }
    },
  }
}

/** Return a value as JSON has it: NaN and the infinities as in a record, nothing for what is undefined. */
export function asJson(value: unknown): JsonValue {
  return JSON.parse(jsonText(value)) as JsonValue
}

/** Return a list from a position on, whose cursors are positions. */
export function listFrom(name: string, all: readonly unknown[], offset: number, most = 1000): ListPart {
  return {
    name,
    items: all.slice(offset, offset + most).map(asJson),
    total: all.length,
    offset,
    cursorAt: String,
  }
}
