/** The environment capture: what the run runs on, source by source. */
import { OPTIONS } from '../../config/table.ts'
import { compareFields, toCaptured } from '../fields.ts'
import { condaSource } from './python/conda.ts'
import { containerSource } from './system/container.ts'
import { gpuSource } from './system/gpu.ts'
import { createFrameworksSource } from './frameworks.ts'
import { nodeSource } from './javascript/node.ts'
import { findInstalled } from './javascript/installed.ts'
import { createNpmSource } from './javascript/npm.ts'
import { findPythonEarly } from './python/early.ts'
import { createPythonSources, shared } from './python/python.ts'
import { askSource } from './source.ts'
import { environmentFieldMap, stableEnvironmentFields } from './digest-fields.ts'
import { systemSource } from './system/machine.ts'
import { toolchainSource } from './system/toolchain.ts'
import { variablesSource } from './system/variables.ts'
import type { EnvironmentOptions } from '../../config/groups.ts'
import type { CaptureContext, Captured, Component } from '../../core/component.ts'
import type { Source } from './source.ts'

export { stableEnvironmentFields } from './digest-fields.ts'

/** What no configuration decides. */
export interface EnvironmentCaptureSettings {
  /** Environment variables to look at and to give to programs. @default those of this process */
  readonly variables?: NodeJS.ProcessEnv | undefined
}

/** The sources; those that need the same answer share it. */
function createSources(): readonly Source[] {
  const [modules, python] = [shared(findInstalled), shared(findPythonEarly)]
  return [
    nodeSource,
    createNpmSource(modules),
    systemSource,
    gpuSource,
    condaSource,
    containerSource,
    variablesSource,
    toolchainSource,
    ...createPythonSources(python),
    createFrameworksSource(modules, python),
  ]
}

/** The environment capture with its defaults. */
export const environmentCapture: Component = createEnvironmentCapture()

/**
 * Makes an environment capture.
 *
 * All sources are asked at once. Each has `status`: `present` with what it found, or `absent` with the `reason`. None
 * can fail the others, or take longer than its time.
 */
export function createEnvironmentCapture(
  options: EnvironmentOptions = OPTIONS.environment.default,
  settings: EnvironmentCaptureSettings = {},
): Component {
  return {
    name: 'environment',
    capture: (context) => capture(context, options, settings),
    compare: (before, after) =>
      compareFields(
        before,
        after,
        environmentFieldMap(before.value, after.value),
        environmentFieldMap(after.value, before.value),
      ),
  }
}

async function capture(
  context: CaptureContext,
  options: EnvironmentOptions,
  { variables = process.env }: EnvironmentCaptureSettings,
): Promise<Captured> {
  const { directory, algorithm, signal, command } = context
  const limits = { directory, signal, variables, options, command }
  const sources = createSources()
  // Nothing of it is what a program changes while it runs.
  context.onSettled?.()
  await context.commandStarted
  const answers = await Promise.all(sources.map((source) => askSource(source, limits)))
  const value = Object.fromEntries(sources.map(({ name }, index) => [name, answers[index]?.value ?? {}]))
  const warnings = answers.flatMap((answer) => answer.warnings)
  return toCaptured('environment', stableEnvironmentFields(value), value, warnings, algorithm)
}
