/**
 * Redaction of recorded values: text, addresses, and the arguments of programs.
 *
 * Secrets are recognised by their shape (`shapes.ts`) and by the name that holds them (`names.ts`). A secret
 * with neither cannot be recognised; recorded values are therefore chosen by allow-lists.
 *
 * Every expression here and there has bounded repetitions, so that a line costs time in proportion to its length.
 */
import { isHarmlessValue, judgeName, isRandomText } from './names.ts'
import { PRIVATE_KEY, notAfter, replaceShapes } from './shapes.ts'

/** The replacement of a secret. */
export const REDACTED = '<redacted>'

/** Return whether a secret was replaced in a recorded text, which then equals no other text for sure. */
export function isRedacted(text: string | undefined): boolean {
  return text?.includes(REDACTED) === true
}

/** A scheme and `://`. */
const SCHEME = `${notAfter('A-Za-z0-9+.-')}([A-Za-z][A-Za-z0-9+.-]{0,40}://)`
/** User name and password of an address within a text, up to the last `@` before its path. */
const USER_INFORMATION = new RegExp(`${SCHEME}[^\\s/?#"<>\\\\]{1,512}@`, 'g')
/**
 * The same with an unescaped slash in the password. A port is told apart because it is a number. The length
 * is bounded, because the match is retried at every scheme.
 */
const SLASHED_PASSWORD = new RegExp(
  `${SCHEME}[^\\s:/?#@"'<>]{1,256}:(?!\\d{1,5}(?:[/?#\\s]|$))[^\\s"'<>]{0,512}@`,
  'g',
)
/** User name and password of an address, in program text. */
const PASSWORD = new RegExp(`${SCHEME}([^\\s:/?#@"'\`<>\\\\]{0,256}):([^\\s/?#@"'\`<>\\\\]{1,512})@`, 'g')
/** A password that a program inserts: `{password}`, `${PASSWORD}`, `%s`, `***`. */
const INSERTED = /[{}]|^(?:\$\w+|%\(?\w*\)?s|\*+|\.+|x+)$/i
/** A token in the position of the user name, in program text. */
const TOKEN_AS_USER = new RegExp(`${SCHEME}(?=[A-Za-z_-]{0,255}[0-9])[A-Za-z0-9_-]{20,512}@`, 'g')
const QUERY_FIELD = /([?&;])([A-Za-z0-9_.-]{1,64})=([^&\s#"'<>;]+)/g
const HEADER =
  /\b((?:proxy-)?authorization|x-api-key|x-auth-token|private-token)(\\{0,3}["']?\s{0,4}[:=]\s{0,4}(?:[bBuU](?=["']))?\\{0,3}["']?)((?:bearer|basic|token|digest|apikey)\s{1,4})?([^\s"',\\]+(?:\\?"[^"\\\n]{1,1024}\\?")?)/gi
const COOKIE =
  /\b((?:set-)?cookie)(\\{0,3}["']?\s{0,4}[:=]\s{0,4}(?:[bBuU](?=["']))?\\{0,3}["']?)([^\n"']{2,})/gi
const BEARER = /\b(bearer|basic)(\s{1,4})(?=[A-Za-z+/_=.~-]{0,255}[0-9])[A-Za-z0-9+/_=.~-]{16,}/gi
/** Letters before a quote, as languages write them: `b'…'`, `u"…"`. */
const PREFIX = `(?:[bBuUrRfF]{1,2}(?=["']))?`
/** A value in quotes, in escaped quotes, or without; one without ends where the next field begins. */
const VALUE = new RegExp(
  `${PREFIX}"""(?:[^"\\\\]|\\\\.|"(?!""))*"""|${PREFIX}'''(?:[^'\\\\]|\\\\.|'(?!''))*'''|` +
    `${PREFIX}"(?:[^"\\\\\\n]|\\\\.)*"|${PREFIX}'(?:[^'\\\\\\n]|\\\\.)*'|` +
    `\\\\{1,3}"[^"\\n]*"|\\\\{1,3}'[^'\\n]*'|["'][^\\s"',;&<>}]+|` +
    `[^\\s,;&"'<>}]+(?:[,;&](?![A-Za-z_][\\w.-]{0,63}["']?\\s{0,2}[=:])[^\\s,;&"'<>}]+)*`,
  'y',
)
/** Changes of colour, as a terminal gets them. */
const COLOUR = '(?:\\x1b\\[[0-9;]{0,16}m){0,3}'
/** Space around a sign: a table of settings has more of it in a line. */
const SPACE = '[ \\t]{0,64}\\s{0,4}'
/** A name and what stands before its value. */
const ASSIGNMENT = new RegExp(
  `${notAfter('A-Za-z0-9_.')}([A-Za-z_][A-Za-z0-9_.-]{0,63})` +
    `${COLOUR}\\\\{0,3}["']?\\]?${SPACE}(?:=>|:=|={1,3}|:(?!//)|%3[dD])${SPACE}${COLOUR}`,
  'g',
)
/** A flag before its value: in a command line, or in the list of its words as languages print it. */
const FLAG = new RegExp(
  `${notAfter('A-Za-z0-9_-')}(--?[A-Za-z][A-Za-z0-9_.-]{0,63})(?:["']?,?\\s{1,16}|["'],)`,
  'g',
)
/** A name and its value as two members: `{"name": "api_key", "value": "…"}`. */
const LABELLED = new RegExp(
  `\\b(?:name|key)\\\\{0,3}["']?\\s{0,4}[:=]\\s{0,4}\\\\{0,3}["']?([A-Za-z_][A-Za-z0-9_.-]{0,63})\\\\{0,3}["']?[,;]?\\s{0,4}` +
    `\\\\{0,3}["']?value\\\\{0,3}["']?\\s{0,4}[:=]\\s{0,4}`,
  'gi',
)
/** A name and its value as a pair: `('password', '…')`. */
const PAIR =
  /((?:\(|\[\s?\[|\],\s?\[)b?(["'])([A-Za-z_][\w.-]{0,63})\2,\s{0,4}b?)(["'])((?:(?!\4)[^\\\n]|\\.){1,4096})\4(?=[\])])/g
/** An element of XML. */
const ELEMENT = /(<([A-Za-z_][\w.:-]{0,63})(?:\s[^<>\n]{0,256})?>)([^<>\n]{1,4096})(?=<\/)/g
/** User name and password of `curl` and its relatives. */
const LOGIN =
  /(?<![\w-])((?:-u|-U|--user|--proxy-user)(?:["']?,\s?["']|[ =]["']?)[^:\s/\\"']{1,256}:)(?!\/\/|\d{1,9}(?:[\s"']|$))[^\s"']{1,512}/g
/** A line of YAML, in which the value ends with the line. */
const YAML_LINE =
  /^([ \t]{0,64}(?:- )?["']?([A-Za-z_][A-Za-z0-9_.-]{0,63})["']?[ \t]{0,4}:[ \t]{1,4})(?!["'{[|>&*!])([^\n]+?)([ \t]*(?:[ \t]#[^\n]*)?\r?)$/gm
/** Conda channels carry the token in the path. */
const CONDA_TOKEN = new RegExp(`${SCHEME}([^\\s/"'?#]{1,256}/t/)[A-Za-z0-9_.-]{8,}`, 'g')
/** Words between the name of a header and its secret. */
const SCHEME_WORD = /^(?:bearer|basic|token|digest|apikey)$/i
/** The start of an expression: `token = read(…)` in a program holds no secret. */
const EXPRESSION = /^[A-Za-z_][A-Za-z0-9_.]*[([]/
/** Every text in which a name can hold a value, or that has an address or a header. */
const NAMED = /[=:(<]|%3d|\[\s?\[|(?:^|[\s"'])--?[A-Za-z]|bearer|basic/i

/** Replace secrets of known shapes, and nothing else. Safe on program text. */
export function redactTokens(text: string): string {
  const clean = text.includes('PRIVATE KEY') ? text.replace(PRIVATE_KEY, REDACTED) : text
  return replaceShapes(clean, REDACTED)
}

/** Replace secrets of known shapes, and passwords in addresses. Safe on program text. */
export function redactCode(text: string): string {
  const clean = redactTokens(text)
  if (!clean.includes('://')) return clean
  return clean
    .replace(PASSWORD, (whole, scheme: string, user: string, password: string) =>
      INSERTED.test(password) || INSERTED.test(user) ? whole : `${scheme}${REDACTED}@`,
    )
    .replace(TOKEN_AS_USER, `$1${REDACTED}@`)
    .replace(CONDA_TOKEN, `$1$2${REDACTED}`)
}

/**
 * Replace the secrets in a text by `<redacted>`: known shapes, passwords in addresses, fields of queries,
 * headers, and values assigned to names such as `API_KEY`.
 */
export function redactText(text: string): string {
  const clean = redactTokens(text)
  return NAMED.test(clean) ? redactNamed(clean) : clean
}

function redactNamed(text: string): string {
  const clean = redactAddresses(text)
    .replace(QUERY_FIELD, (whole, mark: string, name: string, value: string) =>
      isSecret(name, value) ? `${mark}${name}=${REDACTED}` : whole,
    )
    .replace(HEADER, (_, name: string, sign: string, scheme = '') => `${name}${sign}${scheme}${REDACTED}`)
    .replace(COOKIE, `$1$2${REDACTED}`)
    .replace(BEARER, `$1$2${REDACTED}`)
    .replace(YAML_LINE, (whole, before: string, name: string, value: string, after: string) =>
      !/[:=]/.test(value) && isReplaceable(name, value) ? `${before}${REDACTED}${after}` : whole,
    )
  const heads = /value/i.test(clean) ? [LABELLED, ASSIGNMENT, FLAG] : [ASSIGNMENT, FLAG]
  return heads.reduce(replaceValues, redactStructures(clean))
}

/** Replace the values of secret names in XML, in pairs, and the password of a login. */
function redactStructures(text: string): string {
  let clean = text
  if (clean.includes('-u') || clean.includes('-U')) clean = clean.replace(LOGIN, `$1${REDACTED}`)
  if (clean.includes('</'))
    clean = clean.replace(ELEMENT, (whole, tag: string, name: string, value: string) =>
      isReplaceable(name, value) ? `${tag}${REDACTED}` : whole,
    )
  if (!/["'],/.test(clean)) return clean
  return clean.replace(
    PAIR,
    (whole, before: string, _: string, name: string, quote: string, value: string) =>
      isReplaceable(name, value) ? `${before}${quote}${REDACTED}${quote}` : whole,
  )
}

/** Replace the values of secret names. What stands behind another name is searched as well: `error: token=x`. */
function replaceValues(text: string, head: RegExp): string {
  let clean = ''
  let done = 0
  // Lists that do not end are read again and again, so there is a limit in proportion to the text.
  let work = 2 * text.length + 16 * GROUP_LIMIT
  head.lastIndex = 0
  for (let match = head.exec(text); match !== null; match = head.exec(text)) {
    const name = match[1] ?? ''
    if (judge(name) === 'none') continue
    const isGroup = work > 0 && CLOSINGS[text[head.lastIndex] ?? ''] !== undefined
    const group = isGroup ? groupAt(text, head.lastIndex) : undefined
    if (isGroup) work -= group?.length ?? GROUP_LIMIT
    if (group !== undefined && isSecret(name, group)) {
      clean += text.slice(done, head.lastIndex) + REDACTED
      done = head.lastIndex + group.length
      head.lastIndex = done
      continue
    }
    VALUE.lastIndex = head.lastIndex
    const value = VALUE.exec(text)?.[0]
    if (value === undefined || !isReplaceable(name, value)) continue
    // `--token --verbose` is two flags.
    if (head === FLAG && isFlag(value.replace(OPENING, ''))) continue
    clean += text.slice(done, head.lastIndex) + inQuotesOf(value)
    done = VALUE.lastIndex
    head.lastIndex = done
  }
  return done === 0 ? text : clean + text.slice(done)
}

/** Most characters of a list or an object that is replaced as a whole. */
const GROUP_LIMIT = 4096

const CLOSINGS: Readonly<Record<string, string>> = { '[': ']', '(': ')', '{': '}' }

/**
 * Return the list or object at a position, with its brackets: `["…"]` as the value of a name. It is `undefined` if it has
 * no quotes, is empty, is too long, or does not end.
 */
function groupAt(text: string, start: number): string | undefined {
  const expected: string[] = []
  let quote: string | undefined
  let isQuoted = false
  const limit = Math.min(text.length, start + GROUP_LIMIT)
  for (let at = start; at < limit; at++) {
    const character = text[at] ?? ''
    if (quote !== undefined) {
      if (character === '\\') at++
      else if (character === quote) quote = undefined
    } else if (character === '"' || (character === "'" && !/[A-Za-z0-9]/.test(text[at - 1] ?? ''))) {
      quote = character
      isQuoted = true
    } else if (character === expected.at(-1)) {
      expected.pop()
      if (expected.length === 0) return isQuoted ? text.slice(start, at + 1) : undefined
    } else {
      const closing = CLOSINGS[character]
      if (closing !== undefined) expected.push(closing)
    }
  }
  return undefined
}

function redactAddresses(text: string): string {
  if (!text.includes('://')) return text
  return text
    .replace(USER_INFORMATION, `$1${REDACTED}@`)
    .replace(SLASHED_PASSWORD, `$1${REDACTED}@`)
    .replace(CONDA_TOKEN, `$1$2${REDACTED}`)
}

/** Quotes around a value, with the backslashes before them. */
const OPENING = /^(?:[bBuUrRfF]{1,2}(?=["']))?(?:"""|'''|\\{0,3}["'])/
const CLOSING = /(?:"""|'''|\\{0,3}["'])$/

function inQuotesOf(value: string): string {
  const opening = OPENING.exec(value)?.[0] ?? ''
  if (opening === '') return REDACTED
  return `${opening}${REDACTED}${value.length > opening.length ? (CLOSING.exec(value)?.[0] ?? '') : ''}`
}

function isReplaceable(name: string, value: string): boolean {
  const inner = value.replace(OPENING, '').replace(CLOSING, '')
  // An earlier rule has replaced it already.
  if (inner.includes(REDACTED) || SCHEME_WORD.test(inner)) return false
  return !EXPRESSION.test(value) && isSecret(name, inner)
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
    .replace(CONDA_TOKEN, `$1$2${REDACTED}`)
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
      const login = LOGIN_FLAGS.has(before) ? /^([^:\s/\\]+):(?!\d+$|\/\/)\S+$/.exec(argument) : null
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

/** Judgements by name. A log repeats its names on every line. */
const judged = new Map<string, ReturnType<typeof judgeName>>()

/** Largest number of judgements that are kept. */
const JUDGED_LIMIT = 4096

function judge(name: string): ReturnType<typeof judgeName> {
  const known = judged.get(name)
  if (known !== undefined) return known
  const suspicion = judgeName(name)
  if (judged.size >= JUDGED_LIMIT) judged.clear()
  judged.set(name, suspicion)
  return suspicion
}

/** Check whether a value is secret because of its name. */
export function isSecret(name: string, value: string): boolean {
  const suspicion = judge(name)
  if (suspicion === 'none' || isHarmlessValue(value)) return false
  // The signature of a query can only be recognised by its randomness.
  return suspicion === 'secret' || (suspicion === 'doubtful' && isRandomText(value))
}
