/** The environment capture: what the run runs on, source by source. */
import { compareFields, toCaptured } from '../fields.ts'
import { condaSource } from './conda.ts'
import { containerSource } from './container.ts'
import { gpuSource } from './gpu.ts'
import { nodeSource } from './node.ts'
import { npmSource } from './npm.ts'
import { createPythonSources } from './python.ts'
import { askSource } from './source.ts'
import { environmentFieldMap, stableEnvironmentFields } from './stable.ts'
import { systemSource } from './system.ts'
import { variablesSource } from './variables.ts'
import type { CaptureContext, Captured, Component } from '../component.ts'
import type { Source } from './source.ts'

export { stableEnvironmentFields } from './stable.ts'

/** Milliseconds that each source has, unless the options say otherwise. */
export const SOURCE_TIMEOUT = 5000

/** Options of the environment capture. */
export interface EnvironmentCaptureOptions {
  /** Milliseconds for each source; a later one is recorded as absent. @default 5000 */
  readonly timeout?: number | undefined
  /** Environment variables to look at and to give to programs. @default those of this process */
  readonly variables?: NodeJS.ProcessEnv | undefined
}

const SOURCES: readonly Source[] = [
  nodeSource,
  npmSource,
  systemSource,
  gpuSource,
  condaSource,
  containerSource,
  variablesSource,
]

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
  const { directory, algorithm, signal } = context
  const { timeout = SOURCE_TIMEOUT, variables = process.env } = options
  const limits = { directory, signal, timeout, variables }
  const sources = [...SOURCES, ...createPythonSources()]
  const answers = await Promise.all(sources.map((source) => askSource(source, limits)))
  const value = Object.fromEntries(sources.map(({ name }, index) => [name, answers[index]?.value ?? {}]))
  const warnings = answers.flatMap((answer) => answer.warnings)
  return toCaptured('environment', stableEnvironmentFields(value), value, warnings, algorithm)
}
