/**
 * Whether a name (of a flag, a variable, a field) is one that secrets stand under.
 *
 * The last word decides what is named: `--api-key` is a key, `--api-key-file` is a file, `--max-tokens` is a
 * number, and `--eos-token` is a piece of text of a tokenizer. Machine learning is full of tokens that are not
 * secret, and a command whose `--max-tokens` was blotted out cannot be run again.
 */

import { words } from '../util/word-list.ts'

/** Words that make the name secret wherever they stand. */
const SECRET_WORDS = new Set(
  words(`
  password passwords passwd passphrase passcode pwd secret secrets credential credentials
  apikey apikeys authkey accesskey secretkey privatekey accountkey authtoken accesstoken
  apitoken bearer authorization jwt cookie pat
`),
)

/** Last words that say that something else is named: where the secret lies, how long it is, what it is called. */
const HARMLESS_ENDINGS = new Set(
  words(`
  file files path paths dir directory folder name names id ids env var variable url uri
  endpoint host port limit count length len size type ttl timeout expiry format version prefix
  suffix dim index embedding mask embeddings loss weight weights dropout policy provider
  helper store manager min max mode strategy enabled required column field tokenizer level
`),
)

/** What stands before `token` where the token belongs to a tokenizer or is counted. */
const TOKENIZER_WORDS = new Set(
  words(`
  eos bos pad padding unk unknown sep cls mask special image video audio start stop end prefix
  suffix middle placeholder initializer prompt trigger class num max min per new first last
  next multi single added fim by each drop modifier instance think thinking newline subword
  word
`),
)

/** What stands before `key` where the key opens something. */
const KEY_OWNERS = new Set(
  words(`
  api access secret private signing encryption auth account ssh license master service deploy
  session storage shared subscription admin client app application wandb openai anthropic hf
  huggingface aws azure gcp google github gitlab comet neptune clearml mlflow kaggle cohere
  mistral groq together replicate stripe sendgrid twilio datadog dd sentry ngc nvidia gemini
  deepseek
`),
)

/** What stands before `pass` where something is passed or passes. */
const PASS_WORDS = new Set(
  words(`
  multi single one two first second forward backward by max per num high low band full all
  must
`),
)

/** Names that may hold a secret or something else: the value decides. */
const DOUBTFUL_ENDINGS = new Set(
  words(`
  key auth sig signature sas code session sid login
`),
)

/** How sure a name makes it that its value is a secret. */
export type Suspicion = 'secret' | 'doubtful' | 'none'

/**
 * Judges a name.
 *
 * @param name A flag with or without its dashes, a variable, a dotted or camel-case field.
 */
export function judgeName(name: string): Suspicion {
  // The working directory, which every shell exports.
  if (name === 'PWD' || name === 'OLDPWD') return 'none'
  const parts = split(name)
  const last = parts.at(-1)
  if (last === undefined || HARMLESS_ENDINGS.has(last)) return 'none'
  // `PGPASSWORD` and `dbpassword` are one word.
  if (parts.some((word) => SECRET_WORDS.has(word) || /.(?:password|passwd|passphrase)$/.test(word)))
    return 'secret'
  const before = parts.at(-2) ?? ''
  const secret =
    (last === 'token' && !TOKENIZER_WORDS.has(before)) ||
    (last === 'tokens' && ['auth', 'access', 'api', 'refresh'].includes(before)) ||
    ((last === 'key' || last === 'keys') && KEY_OWNERS.has(before)) ||
    (last === 'pass' && !PASS_WORDS.has(before))
  if (secret) return 'secret'
  return DOUBTFUL_ENDINGS.has(last) ? 'doubtful' : 'none'
}

/** Whether a text has the look of chance: long, without spaces or slashes, letters and digits mixed. */
export function looksRandom(value: string): boolean {
  return /^[A-Za-z0-9+_=.~%-]{16,}$/.test(value) && /[0-9]/.test(value) && /[A-Za-z]/.test(value)
}

/** Whether a value under a secret name says nothing secret: a switch, or the name of a variable. */
export function isHarmlessValue(value: string): boolean {
  return /^(?:|true|false|yes|no|none|null|auto|0|1|\$\{?[A-Z_][A-Z0-9_]*\}?)$/i.test(value)
}

function split(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
}
