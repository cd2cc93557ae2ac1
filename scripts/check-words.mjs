// Check the words of comments and names against CONTRIBUTING: `node scripts/check-words.mjs [PATH…]`, by
// default the whole tree. Fail on doc comments that begin with a question word, and on vague names.
import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

const ROOTS = ['src', 'crates', 'soak', 'benchmark']
const SOURCE = /\.(?:ts|mjs|rs)$/
const SKIPPED = /(?:^|\/)(?:node_modules|target|results)(?:\/|$)/

/** First words that hide the subject of a doc comment. */
const OPENING = /^(?:What|Whether|Where|How|Who|That|Those|One who)\b/

/** Words that no name may contain, in camel case or between underscores, and terms to use instead. */
const BANNED_PARTS = new Map([
  ['place', 'path, index, position, offset, slot, location or page'],
  ['look', 'stat, fingerprint, probe or query'],
  ['said', 'reported or recorded'],
  ['told', 'reported'],
  ['beside', 'sibling or helper'],
  ['quiet', 'silent, or the condition itself'],
  ['ours', 'own or private'],
  ['but', 'with and the field'],
  ['plain', 'the format, for example json'],
])
/** Other forms of the same words. */
const FORMS = new Map([
  ['places', 'place'],
  ['looks', 'look'],
  ['looked', 'look'],
  ['looking', 'look'],
])

/** Names that another package determines. */
const BANNED_NAMES = new Map([
  ['there', 'exists or present'],
  ['settled', 'the event, for example isDone'],
  ['later', 'the condition, for example afterFailure'],
  ['thing', 'the kind of thing'],
  ['things', 'the kind of things'],
  ['one', 'the kind of item'],
  ['some', 'the kind of items'],
  ['found', 'match, selected or the kind of result'],
  ['left', 'remaining, unmatched or excluded'],
  ['now', 'current, time or the unit'],
  ['was', 'before or recorded'],
])

/** Names that somebody else decides on. */
const ALLOWED = new Map([
  // Commander names the field after the option `--quiet`.
  ['src/cli/commands/check.ts', ['quiet']],
  // Fields of recorded JSON, which keep their names.
  ['src/capture/git/parse.ts', ['left']],
  ['src/capture/git/patches.ts', ['left']],
  ['src/capture/git/types.ts', ['left']],
  ['src/record/record.ts', ['saidBy']],
  ['src/record/schema-parts.ts', ['saidBy']],
])

/** Keywords of Rust before a declared name. */
const RUST_DECLARATION = /\b(?:fn|let|mut|struct|enum|const|static|mod|trait|type)\s+([A-Za-z_]\w*)/g

const problems = []
let files = 0
for (const path of listFiles(process.argv.slice(2))) {
  files++
  const text = readFileSync(path, 'utf8')
  const isRust = path.endsWith('.rs')
  checkDocComments(path, text, isRust ? rustDocComments(text) : docComments(text))
  checkNames(path, text, isRust ? rustNames(text) : names(text))
}
for (const problem of problems) console.error(problem)
console.log(`words: ${problems.length} problems in ${files} files`)
process.exit(problems.length === 0 ? 0 : 1)

function listFiles(given) {
  const paths = given.length > 0 ? given : ROOTS
  return paths
    .flatMap((path) => {
      if (statSync(path).isFile()) return [path]
      return readdirSync(path, { recursive: true }).map((name) => join(path, name))
    })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => SOURCE.test(path) && !SKIPPED.test(path))
}

function lineOf(text, offset) {
  return text.slice(0, offset).split('\n').length
}

function checkDocComments(path, text, comments) {
  for (const { offset, content } of comments) {
    const [opening] = OPENING.exec(content) ?? []
    if (opening === undefined) continue
    problems.push(
      `${path}:${lineOf(text, offset)}: a doc comment begins with "${opening}"; begin with a verb or a noun`,
    )
  }
}

function checkNames(path, text, declared) {
  const seen = new Set(ALLOWED.get(path))
  for (const { offset, name } of declared) {
    if (seen.has(name)) continue
    seen.add(name)
    const terms = termsFor(name, text)
    if (terms !== undefined) problems.push(`${path}:${lineOf(text, offset)}: the name ${name}; use ${terms}`)
  }
}

function termsFor(name, text) {
  // In a picture or a comparison, left and right are sides.
  if (name === 'left' && /\bright\b/.test(text)) return undefined
  const parts = name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .split('_')
  const part = parts.map((word) => FORMS.get(word) ?? word).find((word) => BANNED_PARTS.has(word))
  return part === undefined ? BANNED_NAMES.get(name) : BANNED_PARTS.get(part)
}

function* docComments(text) {
  for (const { offset, kind, content } of tokens(text)) {
    if (kind === 'comment' && content.startsWith('/**'))
      yield { offset, content: content.slice(3).replace(/^[\s*]+/, '') }
  }
}

/**
 * Return identifiers that are not member accesses: declarations, keys and imports. Imported names are left
 * out, because they are checked in the file that exports them.
 */
function names(text) {
  const all = [...tokens(text)]
  const imported = new Set()
  for (const [, list] of text.matchAll(/^import (?:type )?\{([^}]*)\} from/gm)) {
    for (const item of list.split(',')) imported.add(item.trim().replace(/^type /, ''))
  }
  return all
    .filter(({ kind }, index) => {
      if (kind !== 'name') return false
      const before = all[index - 1]
      return before?.content !== '.' && before?.content !== '?.'
    })
    .map(({ offset, content }) => ({ offset, name: content }))
    .filter(({ name }) => !imported.has(name))
}

/**
 * Yield comments, names and signs in order. The text of strings, templates and regular expressions is
 * skipped, except for `${…}`.
 */
function* tokens(text) {
  const pattern =
    /(?<comment>\/\*[^]*?\*\/|\/\/[^\n]*)|(?<string>'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")|(?<name>#?[A-Za-z_$][\w$]*)|(?<number>\d[\w.]*)|(?<dots>\.{3}|\?\.|\.)|(?<sign>[^\s\w])/gy
  const braces = []
  let previous = ''
  while (pattern.lastIndex < text.length) {
    const offset = pattern.lastIndex
    const match = pattern.exec(text)
    if (match === null) {
      pattern.lastIndex = offset + 1
      continue
    }
    const [content] = match
    const { comment, name } = match.groups ?? {}
    if (comment !== undefined) {
      yield { offset, kind: 'comment', content }
      continue
    }
    if (content === '`' || (content === '}' && braces.at(-1) === 'template')) {
      if (content === '}') braces.pop()
      pattern.lastIndex = endOfTemplate(text, pattern.lastIndex, braces)
    } else if (content === '{') braces.push('block')
    else if (content === '}') braces.pop()
    else if (content === '/' && isExpressionStart(previous)) {
      pattern.lastIndex = endOfExpression(text, pattern.lastIndex)
    } else yield { offset, kind: name === undefined ? 'sign' : 'name', content }
    previous = content
  }
}

/** Return the offset after the next `${` or the closing backtick. */
function endOfTemplate(text, start, braces) {
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '`') return at + 1
    else if (text.startsWith('${', at)) {
      braces.push('template')
      return at + 2
    }
  }
  return text.length
}

/** Check whether a slash after this token starts a regular expression rather than a division. */
function isExpressionStart(previous) {
  return (
    previous === '' ||
    /^(?:[(,=:[!&|?{};+]|=>|return|typeof)$/.test(previous.at(-1) ?? '') ||
    previous === 'return'
  )
}

function endOfExpression(text, start) {
  let inClass = false
  for (let at = start; at < text.length && text[at] !== '\n'; at++) {
    if (text[at] === '\\') at++
    else if (text[at] === '[') inClass = true
    else if (text[at] === ']') inClass = false
    else if (text[at] === '/' && !inClass)
      return at + 1 + (/^[a-z]*/.exec(text.slice(at + 1))?.[0].length ?? 0)
  }
  return start
}

function* rustDocComments(text) {
  for (const match of text.matchAll(/(?<![^\n])[ \t]*\/\/[/!] ?(.*)/g)) {
    const before = text.slice(0, match.index).split('\n').at(-2) ?? ''
    if (!/^\s*\/\/[/!]/.test(before)) yield { offset: match.index, content: match[1] ?? '' }
  }
}

function* rustNames(text) {
  // Replace comments and strings by spaces, so that offsets stay the same.
  const code = text.replaceAll(/\/\/[^\n]*|\/\*[^]*?\*\/|"(?:[^"\\]|\\[^])*"/g, (part) =>
    part.replaceAll(/[^\n]/g, ' '),
  )
  for (const match of code.matchAll(RUST_DECLARATION)) yield { offset: match.index, name: match[1] ?? '' }
  // Fields, parameters and bindings with a type.
  for (const match of code.matchAll(/\b([a-z_]\w*)\s*:(?!:)/g))
    yield { offset: match.index, name: match[1] ?? '' }
}
