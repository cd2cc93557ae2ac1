/**
 * Redaction of recorded values: text, addresses, and the arguments of programs.
 *
 * Secrets are recognised by their shape (`shapes.ts`) and by the name that holds them (`names.ts`). A secret
 * with neither cannot be recognised; recorded values are therefore chosen by allow-lists.
 */
import { isHarmlessValue, judgeName, isRandomText } from './names.ts'
import { PRIVATE_KEY, SECRET_SHAPES } from './shapes.ts'

/** The replacement of a secret. */
export const REDACTED = '<redacted>'

/** A scheme and `://`. */
const SCHEME = '[A-Za-z][A-Za-z0-9+.-]{0,20}://'
/** User name and password of an address within a text, up to the last `@` before its path. */
const USER_INFORMATION = new RegExp(`(?<![A-Za-z0-9+.-])(${SCHEME})[^\\s/?#"<>\\\\]+@`, 'g')
/**
 * The same with an unescaped slash in the password. A port is told apart because it is a number. The length
 * is bounded, because the match is retried at every scheme.
 */
const SLASHED_PASSWORD = new RegExp(
  `(?<![A-Za-z0-9+.-])(${SCHEME})[^\\s:/?#@"'<>]+:(?!\\d{1,5}(?:[/?#\\s]|$))[^\\s"'<>]{0,512}@`,
  'g',
)
const QUERY_FIELD = /([?&;])([A-Za-z0-9_.-]{1,64})=([^&\s#"'<>;]+)/g
const HEADER =
  /\b((?:proxy-)?authorization|x-api-key|x-auth-token|private-token|(?:set-)?cookie)(["']?\s{0,4}[:=]\s{0,4}["']?)((?:bearer|basic|token|digest|apikey)\s{1,4})?([^\s"',]+)/gi
const BEARER = /\b(bearer|basic)(\s{1,4})(?=[A-Za-z+/_=.~-]{0,255}[0-9])[A-Za-z0-9+/_=.~-]{16,}/gi
const ASSIGNMENT =
  /(?<![A-Za-z0-9_.])([A-Za-z_][A-Za-z0-9_.-]{0,63})(["']?\s{0,4}(?:=|:(?!\/\/))\s{0,4})("[^"]*"|'[^']*'|[^\s,;&"'<>}]+)/g
/** Conda channels carry the token in the path. */
const CONDA_TOKEN = new RegExp(`(${SCHEME}[^\\s/"'?#]+/t/)[A-Za-z0-9_.-]{8,}`, 'g')
/** Words between the name of a header and its secret. */
const SCHEME_WORD = /^(?:bearer|basic|token|digest|apikey)$/i
/** The start of an expression: `token = read(…)` in a program holds no secret. */
const EXPRESSION = /^[A-Za-z_][A-Za-z0-9_.]*[([]/

/** Replace secrets of known shapes, and nothing else. Safe on program text. */
export function redactTokens(text: string): string {
  let clean = text.includes('PRIVATE KEY') ? text.replace(PRIVATE_KEY, REDACTED) : text
  for (const { hint, pattern } of SECRET_SHAPES) {
    if (clean.includes(hint)) clean = clean.replace(pattern, REDACTED)
  }
  return clean
}

/**
 * Replace the secrets in a text by `<redacted>`: known shapes, passwords in addresses, fields of queries,
 * headers, and values assigned to names such as `API_KEY`.
 */
export function redactText(text: string): string {
  return redactTokens(text)
    .replace(USER_INFORMATION, `$1${REDACTED}@`)
    .replace(SLASHED_PASSWORD, `$1${REDACTED}@`)
    .replace(CONDA_TOKEN, `$1${REDACTED}`)
    .replace(QUERY_FIELD, (whole, mark: string, name: string, value: string) =>
      isSecret(name, value) ? `${mark}${name}=${REDACTED}` : whole,
    )
    .replace(HEADER, (_, name: string, sign: string, scheme = '') => `${name}${sign}${scheme}${REDACTED}`)
    .replace(BEARER, `$1$2${REDACTED}`)
    .replace(ASSIGNMENT, (whole, name: string, sign: string, value: string) => {
      const quote = /^["']/.exec(value)?.[0] ?? ''
      const inner = quote === '' ? value : value.slice(1, -1)
      // An earlier rule has replaced it already.
      if (inner.includes(REDACTED) || SCHEME_WORD.test(inner)) return whole
      if (EXPRESSION.test(value) || !isSecret(name, inner)) return whole
      return `${name}${sign}${quote}${REDACTED}${quote}`
    })
}

/**
 * Return an address without user name, password, query and fragment. They are removed without a marker, so
 * that programs still accept the address. `git@host:path` becomes `host:path`. A local path is unchanged.
 *
 * @param address A URL as git, pip or conda accept it.
 */
export function redactUrl(address: string): string {
  const helper = /^([A-Za-z0-9+.-]+)::(.*)$/s.exec(address)
  if (helper) return `${helper[1]}::${redactUrl(helper[2] ?? '')}`
  const match = /^([A-Za-z][A-Za-z0-9+.-]*:\/\/)(.*)$/s.exec(address)
  if (match) return redactPath(`${match[1]}${withoutUser(match[2] ?? '')}`)
  // scp syntax. A drive letter is not a host.
  const scp = /^[^/\\\s]*@([^@/\\\s:]+):(.*)$/s.exec(address)
  if (scp) return redactPath(`${scp[1]}:${withoutQuery(scp[2] ?? '')}`)
  return redactText(address)
}

/** Remove user information, query and fragment from the part after `scheme://`. */
function withoutUser(rest: string): string {
  const end = rest.search(/[/?#\\]/)
  const authority = end < 0 ? rest : rest.slice(0, end)
  const path = end < 0 ? '' : rest.slice(end)
  if (authority.includes('@')) return authority.slice(authority.lastIndexOf('@') + 1) + withoutQuery(path)
  if (/:\d{0,5}$/.test(authority) || !/^[^[]*:/.test(authority)) return authority + withoutQuery(path)
  // The port is not a number, so this is the start of a password that contains a slash, a `?` or a `#`.
  const at = path.lastIndexOf('@')
  return at < 0 ? REDACTED + withoutQuery(path) : withoutQuery(path.slice(at + 1))
}

function withoutQuery(text: string): string {
  return text.replace(/[?#].*$/s, '')
}

function redactPath(address: string): string {
  return redactTokens(address)
    .replace(USER_INFORMATION, `$1${REDACTED}@`)
    .replace(CONDA_TOKEN, `$1${REDACTED}`)
}

/** Return the value of a variable or field, or `<redacted>` if its name or shape indicates a secret. */
export function redactValue(name: string, value: string): string {
  return isSecret(name, value) ? REDACTED : redactText(value)
}

/**
 * Return the arguments of a program with secrets replaced. Their number and order stay, so that the command
 * remains readable: `--token x`, `--token=x`, `TOKEN=x`, `--user name:password`, headers, addresses, and
 * known shapes.
 *
 * @param argv Program and arguments.
 */
export function redactArguments(argv: readonly string[]): string[] {
  return argv.map((argument, index) => {
    const before = argv[index - 1]
    if (before !== undefined && isFlag(before) && !before.includes('=')) {
      // Passwords may start with a dash, but `--token --verbose` is two flags.
      if (isSecret(before, argument) && (!isFlag(argument) || isRandomText(argument))) return REDACTED
      const login = LOGIN_FLAGS.has(before) ? /^([^:\s/\\]+):(?!\d+$)\S+$/.exec(argument) : null
      if (login) return `${login[1]}:${REDACTED}`
    }
    const assignment = /^([-+~]{0,2}[A-Za-z_][A-Za-z0-9_.@/-]*)=(.*)$/s.exec(argument)
    if (assignment) return `${assignment[1]}=${redactValue(assignment[1] ?? '', assignment[2] ?? '')}`
    return redactText(argument)
  })
}

const LOGIN_FLAGS = new Set(['-u', '--user', '--proxy-user', '-U'])

function isFlag(argument: string): boolean {
  return /^--?[A-Za-z]/.test(argument)
}

function isSecret(name: string, value: string): boolean {
  if (isHarmlessValue(value)) return false
  const suspicion = judgeName(name)
  // The signature of a query can only be recognised by its randomness.
  return suspicion === 'secret' || (suspicion === 'doubtful' && isRandomText(value))
}
