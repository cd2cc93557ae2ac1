/** Errors of values of a table in memory, until their column and row are known. */
import { types } from 'node:util'

/** A value that has no place in its column. */
export class CellProblem extends Error {
  readonly expected: string
  readonly received: string
  readonly hint: string | undefined

  constructor(expected: string, value: unknown, hint?: string) {
    super('a value has no place in its column')
    this.expected = expected
    this.received = shown(value)
    this.hint = hint
  }
}

/** Return a few characters that show what a value is, without calling anything of it. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return `the text ${JSON.stringify(value.slice(0, 40))}`
  if (typeof value === 'bigint') return `${value}n`.slice(0, 80)
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (value === null || typeof value === 'boolean' || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  if (types.isProxy(value)) return 'a Proxy'
  if (Array.isArray(value)) return 'an array'
  if (types.isDate(value))
    return Number.isNaN(Date.prototype.getTime.call(value)) ? 'an invalid Date' : 'a Date'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return 'an object'
  const name = nameOf(prototype)
  return name === undefined ? 'an object of a class' : `a value of the class ${name}`
}

/** Return the name of the class of a prototype, if that is data. */
function nameOf(prototype: unknown): string | undefined {
  if (typeof prototype !== 'object' || prototype === null || types.isProxy(prototype)) return undefined
  const own: unknown = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value
  if (typeof own !== 'function' || types.isProxy(own)) return undefined
  const name: unknown = Object.getOwnPropertyDescriptor(own, 'name')?.value
  return typeof name === 'string' && /^[\w$]{1,60}$/.test(name) ? name : undefined
}

/** Check whether a value is an object without a class, such as a record. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype === null || prototype === Object.prototype) return true
  // Objects of another realm have another prototype, which has none itself.
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')
}
