/** `lineaprint capture`: one capture alone. */
import { Argument, Command } from 'commander'
import { environmentCapture } from '../../capture/environment/capture.ts'
import { gitCapture } from '../../capture/git/git-capture.ts'
import { seedsCapture } from '../../capture/seeds/capture.ts'
import { algorithmOption } from '../shared/arguments.ts'
import { escapeText, paint, print, printError, printJson, table } from '../shared/output.ts'
import type { Component } from '../../core/component.ts'
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { CommandContext, CommonOptions } from '../shared/context.ts'

const CAPTURES: Readonly<Record<string, Component>> = {
  env: environmentCapture,
  git: gitCapture,
  seeds: seedsCapture,
}

interface CaptureOptions extends CommonOptions {
  readonly algorithm: AlgorithmChoice
}

/** Build the command. */
export function command(context: CommandContext): Command {
  return new Command('capture')
    .addArgument(new Argument('<what>', 'the capture to run').choices(Object.keys(CAPTURES)))
    .addOption(algorithmOption())
    .addHelpText('after', '\nExample:\n  lineaprint capture git')
    .action((name: string, options: CaptureOptions) => capture(name, options, context))
}

async function capture(
  name: string,
  { algorithm, json }: CaptureOptions,
  context: CommandContext,
): Promise<void> {
  const component = CAPTURES[name]
  if (component === undefined) return
  const { signal } = context
  const unchecked: string[] = []
  // The folder may come from a stranger, and nothing is run in it: see `docs/security.md`.
  const inspection = {
    recordedCommand: undefined,
    reportUnchecked: (field: string, reason: string) =>
      void unchecked.push(`${field} may be wrong: ${reason}`),
  }
  const state = await component.capture({ directory: process.cwd(), algorithm, signal, inspection })
  const captured = { ...state, warnings: [...state.warnings, ...unchecked] }
  if (json === true) return printJson(captured)
  for (const warning of captured.warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
  const rows = [...fields(captured.value, '')].map(([field, text]) => [escapeText(field), escapeText(text)])
  print(table([[paint('bold', 'digest'), captured.digest], ...rows]))
}

/** Return the leaves of a value, each with its path. */
function* fields(value: JsonValue, path: string): Generator<[string, string]> {
  if (typeof value !== 'object' || value === null) yield [path, String(value)]
  else if (Array.isArray(value) && value.every((item) => typeof item !== 'object'))
    yield [path, value.join(', ')]
  else
    for (const [key, member] of Object.entries(value))
      yield* fields(member as JsonValue, path === '' ? key : `${path}.${key}`)
}
