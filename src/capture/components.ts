/** The built-in captures with the options of a configuration. */
import { LineaprintError } from '../core/errors.ts'
import { OPTIONS } from '../config/table.ts'
import { createEnvironmentCapture } from './environment/capture.ts'
import { createGitCapture } from './git/git-capture.ts'
import { seedsCapture } from './seeds/capture.ts'
import type { Component } from '../core/component.ts'
import type { OptionGroups } from '../config/groups.ts'

/** The option groups of the built-in captures. */
type CaptureOptions = Pick<OptionGroups, 'environment' | 'git'> & {
  /** `false` to keep secrets in patches and copies of files. @default true */
  readonly redact?: boolean
}

/** Create the built-in captures with their options. */
export function builtInCaptures({ environment, git, redact = true }: CaptureOptions): Component[] {
  const secrets = redact ? 'redact' : 'keep'
  return [createEnvironmentCapture(environment), createGitCapture(git, { secrets }), seedsCapture]
}

/** Return one of the built-in captures, with the options of a configuration. */
export function builtInCapture(
  name: 'environment' | 'git' | 'seeds',
  configuration: CaptureOptions,
): Component {
  const match = builtInCaptures(configuration).find((component) => component.name === name)
  if (match) return match
  throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', `there is no capture ${name}`)
}

const DEFAULTS: CaptureOptions = {
  environment: OPTIONS.environment.default,
  git: OPTIONS.git.default,
}

/**
 * Return the components that can repeat the captures of a run, by name.
 *
 * @param options Options of the built-in captures. @default their defaults
 */
export function componentsByName(
  trackers: readonly Component[],
  options: CaptureOptions = DEFAULTS,
): Map<string, Component> {
  return new Map([...builtInCaptures(options), ...trackers].map((component) => [component.name, component]))
}
