/** The address of a database in PostgreSQL, and its form without secrets. */
import { LineaprintError } from '../../core/errors.ts'
import { redactUrl } from '../../secrets/redact.ts'

/** An address of a database. */
export interface DatabaseAddress {
  /** As it was given, with its password. */
  readonly whole: string
  /** Without user, password and options, for messages. */
  readonly shown: string
}

/** The form of an address, for help and messages. */
export const ADDRESS_FORM = 'postgres://USER@HOST/DATABASE'

/** Check an address. @throws ERR_LINEAPRINT_ARGUMENT that shows nothing of it: it can hold a password. */
export function checkAddress(address: string): DatabaseAddress {
  const parsed = typeof address === 'string' && URL.canParse(address) ? new URL(address) : undefined
  if (parsed !== undefined && /^postgres(?:ql)?:$/.test(parsed.protocol) && parsed.host !== '')
    return { whole: address, shown: redactUrl(address) }
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the address of the database is not one', {
    field: 'database',
    expected: ADDRESS_FORM,
    received: parsed === undefined ? 'no address' : `an address of ${parsed.protocol.slice(0, 40)}`,
  })
}

/**
 * Return the address for `pg`. Each `sslmode` but `disable` and `no-verify` checks the certificate, as `pg` does today; it prints a
 * warning for three of them, because a later version will not.
 */
export function driverAddress({ whole }: DatabaseAddress): string {
  const url = new URL(whole)
  if (!CHECKED_MODES.has(url.searchParams.get('sslmode') ?? '')) return whole
  url.searchParams.set('sslmode', 'verify-full')
  return url.href
}

const CHECKED_MODES: ReadonlySet<string> = new Set(['prefer', 'require', 'verify-ca'])

/**
 * Return a text without the user and the passwords of an address, in each of their forms. A server names the user in
 * quotation marks; elsewhere the same letters are another word.
 */
export function withoutCredentials(text: string, { whole, shown }: DatabaseAddress): string {
  const { username, password, searchParams } = new URL(whole)
  const secrets = [password, decoded(password), ...SECRETS.flatMap((name) => searchParams.getAll(name))]
  const users = [decoded(username), ...searchParams.getAll('user')].filter((user) => user !== '')
  const hidden = secrets
    .filter((secret) => secret !== '')
    .reduce((rest, secret) => rest.replaceAll(secret, REDACTED), text.replaceAll(whole, shown))
  return users.reduce(
    (rest, user) =>
      QUOTES.reduce(
        (part, [open, close]) => part.replaceAll(open + user + close, open + REDACTED + close),
        rest,
      ),
    hidden,
  )
}

const REDACTED = '<redacted>'

/** Options of an address that are secrets. */
const SECRETS = ['password', 'sslpassword'] as const

/** Quotation marks of the languages in which PostgreSQL answers. */
const QUOTES = [
  ['"', '"'],
  ["'", "'"],
  ['«', '»'],
  ['« ', ' »'],
  ['„', '“'],
  ['“', '”'],
  ['”', '”'],
  ['»', '«'],
  ['「', '」'],
] as const

function decoded(password: string): string {
  try {
    return decodeURIComponent(password)
  } catch {
    return password
  }
}
