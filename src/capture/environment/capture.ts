/** The environment capture: what the run runs on, source by source. */
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
import { environmentFieldMap, environmentDigestFields } from './digest-fields.ts'
import { systemSource } from './system/machine.ts'
import { SOURCE_TIMEOUT } from './timeout.ts'
import { toolchainSource } from './system/toolchain.ts'
import { variablesSource } from './system/variables.ts'
import type { CaptureContext, Captured, Component } from '../../core/component.ts'
import type { Source } from './source.ts'

export { environmentDigestFields } from './digest-fields.ts'

/** Options of the environment capture. */
export interface EnvironmentCaptureOptions {
  /** Milliseconds for each source; a later one is recorded as absent. @default 5000 */
  readonly timeout?: number | undefined
  /** Environment variables to look at and to give to programs. @default those of this process */
  readonly variables?: NodeJS.ProcessEnv | undefined
  /** Names of more variables that count, beside those of the list. @default none */
  readonly variableNames?: readonly string[] | undefined
  /** Whether installed packages are listed; lock files are read anyway. @default true */
  readonly packages?: boolean | undefined
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
export function createEnvironmentCapture(options: EnvironmentCaptureOptions = {}): Component {
  return {
    name: 'environment',
    capture: (context) => capture(context, options),
    compare: (before, after) =>
      compareFields(
        before,
        after,
        environmentFieldMap(before.value, after.value),
        environmentFieldMap(after.value, before.value),
      ),
  }
}

async function capture(context: CaptureContext, options: EnvironmentCaptureOptions): Promise<Captured> {
  const { directory, algorithm, signal, command } = context
  const { timeout = SOURCE_TIMEOUT, variables = process.env, packages = true, variableNames = [] } = options
  const limits = { directory, signal, timeout, variables, packages, variableNames, command }
  const sources = createSources()
  // Nothing of it is what a program changes while it runs.
  context.onSettled?.()
  await context.commandStarted
  const answers = await Promise.all(sources.map((source) => askSource(source, limits)))
  const value = Object.fromEntries(sources.map(({ name }, index) => [name, answers[index]?.value ?? {}]))
  const warnings = answers.flatMap((answer) => answer.warnings)
  return toCaptured('environment', environmentDigestFields(value), value, warnings, algorithm)
}
