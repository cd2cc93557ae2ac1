/** The built-in captures with the options of a configuration. */
import { LineaprintError } from '../core/errors.ts'
import { mergeComponents } from '../config/groups.ts'
import { createEnvironmentCapture } from './environment/capture.ts'
import { createGitCapture } from './git/git-capture.ts'
import { seedsCapture } from './seeds/capture.ts'
import type { Component } from '../core/component.ts'
import type { ComponentConfiguration } from '../config/groups.ts'

/** Create the built-in captures with their options. */
export function builtInCaptures({ environment, git }: ComponentConfiguration): Component[] {
  return [
    createEnvironmentCapture({
      timeout: environment.timeoutMs,
      packages: environment.packages,
      variableNames: environment.variables,
    }),
    createGitCapture({
      fileLimit: git.untrackedFileLimit,
      totalLimit: git.untrackedLimit,
      patchLimit: git.patchLimit,
      bundle: git.bundle,
    }),
    seedsCapture,
  ]
}

/** Return one of the built-in captures, with the options of a configuration. */
export function builtInCapture(
  name: 'environment' | 'git' | 'seeds',
  configuration: ComponentConfiguration,
): Component {
  const found = builtInCaptures(configuration).find((component) => component.name === name)
  if (found) return found
  throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', `there is no capture ${name}`)
}

/**
 * The components that can look again at what a run captured, by name.
 *
 * @param options What decides what the built-in ones look at. @default their defaults
 */
export function componentsByName(
  trackers: readonly Component[],
  options: ComponentConfiguration = mergeComponents([]),
): Map<string, Component> {
  return new Map([...builtInCaptures(options), ...trackers].map((component) => [component.name, component]))
}
