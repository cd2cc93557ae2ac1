/** The built-in captures with the options of a configuration. */
import { LineaprintError } from '../core/errors.ts'
import { OPTIONS } from '../config/table.ts'
import { createEnvironmentCapture } from './environment/capture.ts'
import { createGitCapture } from './git/git-capture.ts'
import { seedsCapture } from './seeds/capture.ts'
import type { Component } from '../core/component.ts'
import type { OptionGroups } from '../config/groups.ts'

/** The option groups of the built-in captures. */
type CaptureOptions = Pick<OptionGroups, 'environment' | 'git'>

/** Create the built-in captures with their options. */
export function builtInCaptures({ environment, git }: CaptureOptions): Component[] {
  return [createEnvironmentCapture(environment), createGitCapture(git), seedsCapture]
}

/** Return one of the built-in captures, with the options of a configuration. */
export function builtInCapture(
  name: 'environment' | 'git' | 'seeds',
  configuration: CaptureOptions,
): Component {
  const found = builtInCaptures(configuration).find((component) => component.name === name)
  if (found) return found
  throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', `there is no capture ${name}`)
}

const DEFAULTS: CaptureOptions = {
  environment: OPTIONS.environment.default,
  git: OPTIONS.git.default,
}

/**
 * The components that can look again at what a run captured, by name.
 *
 * @param options What decides what the built-in ones look at. @default their defaults
 */
export function componentsByName(
  trackers: readonly Component[],
  options: CaptureOptions = DEFAULTS,
): Map<string, Component> {
  return new Map([...builtInCaptures(options), ...trackers].map((component) => [component.name, component]))
}
