/** The `tokenizer` digest: vocabulary, merges and rules, whatever the file's name or origin. */
import { readFile, readdir, stat } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { errorCode, systemReason } from '../util/fs.ts'
import { primary, toDigests } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { canonicalBytesOfFile } from '../json/canonical.ts'
import { parseJson } from '../json/parse.ts'
import { native } from '../native/load.ts'
import { checkAlgorithm, checkKeys, checkPath } from '../core/options.ts'
import { refuseDisguised } from './disguised.ts'
import { meaningful } from './config.ts'
import { CONFIG_RULES } from './config-rules.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { canonicalDocument } from './document.ts'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { HashOptions } from '../core/options.ts'

/** A tokenizer. */
export interface TokenizerReport<A extends AlgorithmChoice = AlgorithmChoice> {
  /** Absolute path of the folder. */
  readonly path: string
  readonly digest: Digest
  readonly digests: Digests<A>
  /** Names of the files that count, sorted. */
  readonly files: readonly string[]
}

/** Files that make up a tokenizer in the folder of a model, beside those that end in `.tiktoken`. */
export const TOKENIZER_FILES: readonly string[] = [
  'added_tokens.json',
  'bpe.codes',
  'chat_template.jinja',
  'chat_template.json',
  'encoder.json',
  'merges.txt',
  'normalizer.json',
  'sentencepiece.bpe.model',
  'sentencepiece.model',
  'source.spm',
  'special_tokens_map.json',
  'spiece.model',
  'spm.model',
  'target.spm',
  'tekken.json',
  'tokenizer.json',
  'tokenizer.model',
  'tokenizer_config.json',
  'vocab.bpe',
  'vocab.json',
  'vocab.txt',
]

/** The folder of further chat templates. */
const TEMPLATES = 'additional_chat_templates'

/** A vocabulary of a million tokens is some tens of MB. */
const FILE_LIMIT = 1 << 30

/**
 * Read the tokenizer of a model's folder. JSON counts by its canonical form, other files by their bytes.
 *
 * @throws ERR_LINEAPRINT_NOT_FOUND if the folder holds none of the {@link TOKENIZER_FILES}.
 */
export async function readTokenizer<A extends AlgorithmChoice = 'blake3'>(
  path: string,
  options: HashOptions<A> = {},
): Promise<TokenizerReport<A>> {
  checkKeys(options)
  const algorithm = checkAlgorithm(options.algorithm)
  const folder = resolve(checkPath(path))
  const files = await findTokenizer(folder)
  if (files.length === 0) {
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the folder contains no tokenizer', {
      path,
      expected: 'for example tokenizer.json or vocab.txt',
      received: 'none of the known names',
    })
  }
  const contents = await Promise.all(
    files.map(async (name) => ({ name, content: await canonicalContent(join(folder, name)) })),
  )
  const digests = toDigests(native.tokenizerDigest(contents, algorithm), 'tokenizer') as Digests<A>
  return { path: folder, digest: primary(digests), digests, files }
}

/** Return the names of the tokenizer files in a folder, sorted. */
export async function findTokenizer(folder: string): Promise<string[]> {
  const names = await list(folder)
  const selected = names.filter((name) => TOKENIZER_FILES.includes(name) || name.endsWith('.tiktoken'))
  if (selected.length > 0 && names.includes(TEMPLATES)) {
    const templates = (await list(join(folder, TEMPLATES))).filter((name) => name.endsWith('.jinja'))
    selected.push(...templates.map((name) => `${TEMPLATES}/${name}`))
  }
  return selected.toSorted(compareUtf8)
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch((cause: unknown) => {
    // What is no folder holds no templates.
    if (errorCode(cause) === 'ENOTDIR' && basename(folder) === TEMPLATES) return []
    const code = errorCode(cause) === 'ENOENT' ? 'ERR_LINEAPRINT_NOT_FOUND' : 'ERR_LINEAPRINT_UNREADABLE'
    throw new LineaprintError(code, `cannot list it: ${systemReason(cause)}`, { path: folder, cause })
  })
}

/** Return the bytes of a tokenizer file that its digest covers. */
export async function canonicalContent(path: string): Promise<Uint8Array> {
  const info = await stat(path)
  if (!info.isFile() || info.size > FILE_LIMIT) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'not a tokenizer file', {
      path,
      expected: `a regular file of at most ${FILE_LIMIT} bytes`,
      received: info.isFile() ? `${info.size} bytes` : 'something else',
    })
  }
  // The bytes of a pointer would have a digest, too.
  await refuseDisguised([path], 'a file of a tokenizer')
  const bytes = await readFile(path)
  if (!path.endsWith('.json')) return bytes
  // The only one of these files that states its origin and the version that wrote it.
  if (basename(path) !== 'tokenizer_config.json') return canonicalDocument(bytes, path)
  const { tokenizerKeys } = CONFIG_RULES
  return canonicalBytesOfFile(meaningful(parseJson(bytes, path).value, '', [], tokenizerKeys), path)
}
