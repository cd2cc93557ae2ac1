/** Errors for invalid options: source, field, expected and received value, and the nearest known name. */
import { LineaprintError } from '../core/errors.ts'
import { nearest } from '../core/options.ts'
import { CONFIGURATION } from './table.ts'
import type { z } from 'zod/mini'
import type { AnyOption } from './option.ts'

/**
 * Return the error for an issue that the schema reported.
 *
 * @param path The source: a file, a variable, or `the options of ExperimentTracker`.
 */
export function refuse(path: string, options: object, issue: z.core.$ZodIssue | undefined): LineaprintError {
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    const name = [...issue.path, key].map(String).join('.')
    const known = Object.keys(groupAt(issue.path).members)
    const near = nearest(key, known)
    return new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `unknown option ${JSON.stringify(name)}`, {
      path,
      field: name,
      hint: near === undefined ? `known: ${known.join(', ')}` : `did you mean ${near}?`,
    })
  }
  const field = (issue?.path ?? []).map(String).join('.')
  const received = (issue?.path ?? []).reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown>)[key],
    options,
  )
  return new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', `the option ${field} has an invalid value`, {
    path,
    field,
    expected: expectation(issue),
    received: show(received),
  })
}

/** Return the group at a path of the schema. */
function groupAt(path: readonly PropertyKey[]): AnyOption {
  return path.reduce<AnyOption>((within, key) => within.members[String(key)] ?? within, CONFIGURATION)
}

function expectation(issue: z.core.$ZodIssue | undefined): string {
  if (issue?.code === 'invalid_type') return issue.expected
  if (issue?.code === 'invalid_value') return issue.values.map(String).join(', ')
  if (issue?.code === 'too_small')
    return issue.origin === 'string' ? 'a non-empty string' : `at least ${issue.minimum}`
  if (issue?.code === 'too_big') return `at most ${issue.maximum}`
  if (issue?.code === 'invalid_format') return 'the name of a variable'
  return issue?.message ?? 'something else'
}

function show(value: unknown): string {
  return typeof value === 'string'
    ? JSON.stringify(value.slice(0, 80))
    : Array.isArray(value)
      ? 'an array'
      : typeof value === 'object' && value !== null
        ? 'an object'
        : String(value)
}
