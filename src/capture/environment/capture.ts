/** The environment capture: the system and the software that the run uses, source by source. */
import type { EnvironmentOptions } from '../../config/groups.ts'
import { OPTIONS } from '../../config/table.ts'
import { compareFields } from '../compare-fields.ts'
import { toCaptured } from '../to-captured.ts'
import { createCondaSource } from './python/conda.ts'
import { containerSource } from './system/container.ts'
import { gpuSource } from './system/gpu.ts'
import { createFrameworksSource } from './frameworks.ts'
import { nodeSource } from './javascript/node.ts'
import { findInstalled } from './javascript/installed.ts'
import { createNpmSource } from './javascript/npm.ts'
import { findPythonEarly } from './python/early.ts'
import { NO_OTHER_PYTHON } from './python/other.ts'
import { createPythonSources, shared } from './python/python.ts'
import { probeSource } from './source.ts'
import { environmentDigestFields, environmentFields } from './digest-fields.ts'
import { parseEnvironmentCapture } from './parse.ts'
import { systemSource } from './system/machine.ts'
import { toolchainSource } from './system/toolchain.ts'
import { variablesSource } from './system/variables.ts'
import { withAbsolutePath } from '../../subprocess/search-path.ts'
import type { CaptureContext, Captured, Comparison, Component } from '../../core/component.ts'
import type { CapturedEnvironment } from './types.ts'

export { environmentDigestFields } from './digest-fields.ts'
export { parseEnvironmentCapture } from './parse.ts'

/** Settings that are not part of the configuration. */
export interface EnvironmentCaptureSettings {
  /** Environment variables to record and to pass to programs. @default those of this process */
  readonly variables?: NodeJS.ProcessEnv | undefined
}

/** The environment capture with its defaults. */
export const environmentCapture: Component = createEnvironmentCapture()

/**
 * Create an environment capture.
 *
 * All sources are probed concurrently. Each has a `status`: `present` with its findings, or `absent` with the
 * `reason`. A source can neither make the others fail nor exceed its time limit.
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
  const [recorded, current] = [parseEnvironmentCapture(before.value), parseEnvironmentCapture(after.value)]
  const fields = environmentFields(recorded, current)
  return compareFields(before, after, fields.before, fields.after, fields.notChecked)
}

async function capture(
  context: CaptureContext,
  options: EnvironmentOptions,
  { variables: given = process.env }: EnvironmentCaptureSettings,
): Promise<Captured> {
  const { directory, algorithm, signal, command, inspection } = context
  // A run records the Python that its own command gets.
  const variables = inspection === undefined ? given : withAbsolutePath(given)
  const limits = { directory, signal, variables, options, command, inspection }
  // The capture reads nothing that the command may modify. It does not wait for the command either: while git answers,
  // this process has nothing else to do.
  context.onSettled?.()
  const warnings: string[] = []
  const value = await probeSources(limits, warnings)
  return toCaptured('environment', environmentDigestFields(value), value, warnings, algorithm)
}

/** Probe all sources concurrently; sources that need the same answer share it. */
async function probeSources(
  limits: Parameters<typeof probeSource>[1],
  warnings: string[],
): Promise<CapturedEnvironment> {
  const [modules, findPython] = [shared(findInstalled), shared(findPythonEarly)]
  const [pythonSource, pipSource] = createPythonSources(findPython)
  const answers = await Promise.all([
    probeSource(nodeSource, limits),
    probeSource(createNpmSource(modules), limits),
    probeSource(systemSource, limits),
    probeSource(gpuSource, limits),
    probeSource(createCondaSource(findPython), limits),
    probeSource(containerSource, limits),
    probeSource(variablesSource, limits),
    probeSource(toolchainSource, limits),
    probeSource(pythonSource, limits),
    probeSource(pipSource, limits),
    probeSource(createFrameworksSource(modules, findPython), limits),
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
    otherPythons: NO_OTHER_PYTHON,
    execution: { status: 'absent', reason: 'it is known only for the command of a run that has ended' },
    pip: pip.value,
    frameworks: frameworks.value,
  }
}
