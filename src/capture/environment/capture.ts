/** The environment capture: what the run runs on, source by source. */
import type { EnvironmentOptions } from '../../config/groups.ts'
import { OPTIONS } from '../../config/table.ts'
import { compareFields } from '../compare-fields.ts'
import { toCaptured } from '../to-captured.ts'
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
import { environmentDigestFields, environmentFieldMap } from './digest-fields.ts'
import { parseEnvironmentCapture } from './parse.ts'
import { systemSource } from './system/machine.ts'
import { toolchainSource } from './system/toolchain.ts'
import { variablesSource } from './system/variables.ts'
import type { CaptureContext, Captured, Comparison, Component } from '../../core/component.ts'
import type { CapturedEnvironment } from './types.ts'

export { environmentDigestFields } from './digest-fields.ts'
export { parseEnvironmentCapture } from './parse.ts'

/** What no configuration decides. */
export interface EnvironmentCaptureSettings {
  /** Environment variables to look at and to give to programs. @default those of this process */
  readonly variables?: NodeJS.ProcessEnv | undefined
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
    compare,
  }
}

function compare(before: Captured, after: Captured): Comparison {
  const [was, is] = [parseEnvironmentCapture(before.value), parseEnvironmentCapture(after.value)]
  return compareFields(before, after, environmentFieldMap(was, is), environmentFieldMap(is, was))
}

async function capture(
  context: CaptureContext,
  options: EnvironmentOptions,
  { variables = process.env }: EnvironmentCaptureSettings,
): Promise<Captured> {
  const { directory, algorithm, signal, command } = context
  const limits = { directory, signal, variables, options, command }
  // Nothing of it is what a program changes while it runs.
  context.onSettled?.()
  await context.commandStarted
  const warnings: string[] = []
  const value = await askSources(limits, warnings)
  return toCaptured('environment', environmentDigestFields(value), value, warnings, algorithm)
}

/** Ask all sources at once; those that need the same answer share it. */
async function askSources(
  limits: Parameters<typeof askSource>[1],
  warnings: string[],
): Promise<CapturedEnvironment> {
  const [modules, findPython] = [shared(findInstalled), shared(findPythonEarly)]
  const [pythonSource, pipSource] = createPythonSources(findPython)
  const answers = await Promise.all([
    askSource(nodeSource, limits),
    askSource(createNpmSource(modules), limits),
    askSource(systemSource, limits),
    askSource(gpuSource, limits),
    askSource(condaSource, limits),
    askSource(containerSource, limits),
    askSource(variablesSource, limits),
    askSource(toolchainSource, limits),
    askSource(pythonSource, limits),
    askSource(pipSource, limits),
    askSource(createFrameworksSource(modules, findPython), limits),
  ])
  warnings.push(...answers.flatMap((answer) => answer.warnings))
  const [node, npm, system, gpu, conda, container, variables, toolchain, python, pip, frameworks] = answers
  return {
    node: node.value,
    npm: npm.value,
    system: system.value,
    gpu: gpu.value,
    conda: conda.value,
    container: container.value,
    variables: variables.value,
    toolchain: toolchain.value,
    python: python.value,
    pip: pip.value,
    frameworks: frameworks.value,
  }
}
