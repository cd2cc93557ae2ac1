/**
 * Parser of manifests. A manifest may be untrusted: anything not exactly in the format is refused, and no
 * path in it is opened here.
 */
import { checkText } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import { parseJson } from '../json/parse.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { MANIFEST_SCHEMA } from './document.ts'
import { Fields } from './fields.ts'
import { bytesOf, folded, problemOf, textOf } from './names.ts'
import { foldersOf, treeOf, weightsOf } from './roots.ts'
import type { Algorithm, AlgorithmChoice, Digests } from '../core/digest.ts'
import type { TreeWarning } from '../hash/tree.ts'
import type { Manifest, ManifestEntry, ManifestModel, ManifestTensor } from './document.ts'
import type { Folder } from './roots.ts'

/** The longest text that JavaScript can hold, 512 MB less a little. */
const LENGTH_LIMIT = 0x1fffffe8

/** Return the algorithms of a choice. */
function algorithmsOf(choice: AlgorithmChoice): readonly Algorithm[] {
  return choice === 'both' ? ['blake3', 'sha256'] : [choice]
}

/**
 * Parse and check the text of a manifest; the root digest must be that of its entries.
 *
 * @param source The text, or its bytes in UTF-8.
 * @param path The file it came from, for errors.
 * @throws ERR_LINEAPRINT_FORMAT if it is not a manifest, with the entry that is wrong: a path that is
 * absolute or has `..`, two entries of one path, names that collide without a warning in the manifest,
 * entries out of order, a root digest that is not that of the entries, an unknown member.
 */
export function parseManifest(source: Uint8Array | string, path?: string): Manifest {
  checkText(source, 'source', { orBytes: true })
  if (source.length > LENGTH_LIMIT) {
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the manifest is too long', {
      path,
      expected: `at most ${LENGTH_LIMIT} bytes`,
      received: `${source.length} bytes`,
    })
  }
  const fields = new Fields(parseJson(source, path).value, () => 'the manifest', path)
  const schema = fields.choice('schema', [MANIFEST_SCHEMA])
  const type = fields.choice('type', ['folder', 'file'])
  const algorithm = fields.choice('algorithm', ['blake3', 'sha256', 'both'])
  const algorithms = algorithmsOf(algorithm)
  const head = {
    schema,
    type,
    algorithm,
    links: fields.choice('links', ['follow', 'record', 'refuse']),
    ignore: fields.texts('ignore'),
    includeSkipped: fields.boolean('includeSkipped'),
    digests: fields.digests('digests', algorithms, type === 'folder' ? 'tree' : undefined),
  }
  const warnings = fields
    .list('warnings')
    .map((value, index) => parseWarning(new Fields(value, () => `warning ${index + 1}`, path)))
  const entries = parseEntries(fields, algorithms, path)
  if (type === 'folder') checkFolder(fields, entries, head.digests, warnings)
  else checkFile(fields, entries, head)
  const model = fields.has('model') ? parseModel(fields, type, algorithms) : undefined
  const tensors = model && parseTensors(fields, entries, model, algorithms, path)
  fields.end()
  return { ...head, ...(model && { model }), warnings, entries, ...(tensors && { tensors }) }
}

function parseWarning(fields: Fields): TreeWarning {
  const kind = fields.choice('kind', ['names-collide', 'name-not-unicode', 'link-leaves-root'])
  const warning = { kind, path: fields.text('path') }
  fields.end()
  return warning
}

function parseEntries(fields: Fields, algorithms: readonly Algorithm[], path?: string): ManifestEntry[] {
  let before: Buffer | undefined
  return fields.list('entries').map((value, index) => {
    const entry = parseEntry(new Fields(value, () => `entry ${index + 1}`, path), algorithms)
    const bytes = bytesOf(entry)
    const order = before === undefined ? -1 : Buffer.compare(before, bytes)
    if (order === 0) fields.fail(`the entry ${JSON.stringify(entry.path)} appears twice`)
    if (order > 0) fields.fail(`the entry ${JSON.stringify(entry.path)} is not in the order of path bytes`)
    before = bytes
    return entry
  })
}

function parseEntry(fields: Fields, algorithms: readonly Algorithm[]): ManifestEntry {
  const named = parseName(fields, 'path', 'pathBytes')
  const problem = problemOf(bytesOf(named).toString('latin1'))
  if (problem !== undefined) fields.fail(`${problem}: ${JSON.stringify(named.path)}`)
  const type = fields.choice('type', ['file', 'link'])
  const size = fields.count('size')
  if (type === 'file') {
    const entry = { ...named, type, size, digests: fields.digests('digests', algorithms) }
    fields.end()
    return entry
  }
  if (size !== 0) fields.fail('a link has size 0', { field: 'size' })
  const digests = fields.digests('digests', [])
  const { path: target, pathBytes: targetBytes } = parseName(fields, 'target', 'targetBytes')
  fields.end()
  return { ...named, type, size, digests, target, ...(targetBytes !== undefined && { targetBytes }) }
}

/** Parse a text, and its bytes if the text cannot represent them. An ambiguous text is refused. */
function parseName(fields: Fields, key: string, bytesKey: string): { path: string; pathBytes?: string } {
  const path = fields.text(key)
  if (!fields.has(bytesKey)) return { path }
  const [text, pathBytes] = textOf(fields.base64(bytesKey))
  if (text === path && pathBytes !== undefined) return { path, pathBytes }
  return fields.fail(`${bytesKey} are not the bytes of ${JSON.stringify(path)}`, { field: bytesKey })
}

function checkFolder(
  fields: Fields,
  entries: readonly ManifestEntry[],
  digests: Digests,
  warnings: readonly TreeWarning[],
): void {
  const folders = foldersOf(entries, ({ path }) =>
    fields.fail(`the entry ${JSON.stringify(path)} is a file and a folder at once`),
  )
  checkCollisions(fields, folders, warnings)
  checkRoot(fields, 'digests', digests, treeOf(folders, Object.keys(digests) as Algorithm[]))
}

/**
 * Refuse names that collide on other systems, unless the manifest warns of it: two entries would be checked
 * against one file there.
 */
function checkCollisions(fields: Fields, folders: readonly Folder[], warnings: readonly TreeWarning[]): void {
  const declared = new Set(warnings.filter(({ kind }) => kind === 'names-collide').map(({ path }) => path))
  for (const folder of folders) {
    const seen = new Map<string, string>()
    for (const key of folder.children.keys()) {
      const [name, bytes] = textOf(Buffer.from(key, 'latin1'))
      if (bytes !== undefined) continue
      const first = seen.get(folded(name))
      seen.set(folded(name), key)
      if (first === undefined) continue
      for (const entryKey of [first, key]) {
        const path = Buffer.from(
          folder.path === '' ? entryKey : `${folder.path}/${entryKey}`,
          'latin1',
        ).toString()
        if (declared.has(path)) continue
        fields.fail(
          `the entry ${JSON.stringify(path)} collides with another entry: the names differ only in case or Unicode normalisation`,
          {
            hint: 'list both names under warnings if the folder really contains them',
          },
        )
      }
    }
  }
}

function checkFile(
  fields: Fields,
  entries: readonly ManifestEntry[],
  {
    digests,
    links,
    ignore,
    includeSkipped,
  }: Pick<Manifest, 'digests' | 'links' | 'ignore' | 'includeSkipped'>,
): void {
  const [only] = entries
  if (only?.type !== 'file' || entries.length > 1 || only.path.includes('/'))
    fields.fail('the manifest of a file must have exactly one entry, without a folder')
  if (links !== 'follow' || ignore.length > 0 || includeSkipped)
    fields.fail('the manifest of a file must not use link or ignore options')
  checkRoot(fields, 'digests', digests, only.digests)
}

function checkRoot(fields: Fields, field: string, stated: Digests, computed: Digests): void {
  for (const algorithm of ['blake3', 'sha256'] as const) {
    const [expected, received] = [computed[algorithm], stated[algorithm]]
    if (expected === undefined || received === undefined || expected.equals(received)) continue
    fields.fail('the manifest contradicts itself: it was damaged or edited', {
      field,
      expected: `${expected.toString()} for its entries`,
      received: received.toString(),
    })
  }
}

function parseModel(fields: Fields, type: Manifest['type'], algorithms: readonly Algorithm[]): ManifestModel {
  const model = fields.object('model')
  const file = model.text('file')
  const weights = model.digests('weights', algorithms, 'weights')
  const architecture =
    type === 'folder' ? model.digests('architecture', algorithms, 'architecture') : undefined
  model.end()
  return { file, weights, ...(architecture && { architecture }) }
}

function parseTensors(
  fields: Fields,
  entries: readonly ManifestEntry[],
  model: ManifestModel,
  algorithms: readonly Algorithm[],
  path: string | undefined,
): ManifestTensor[] {
  // Tensors are in files directly below the root, so an entry with a "/" is refused as well.
  const files = new Set(
    entries.filter((entry) => entry.type === 'file' && !entry.path.includes('/')).map((entry) => entry.path),
  )
  const inFile = (file: string): string =>
    files.has(file) ? file : fields.fail(`the model file ${JSON.stringify(file)} is not among the entries`)
  inFile(model.file)
  let before: string | undefined
  const tensors = fields.list('tensors').map((value, index) => {
    const tensor = new Fields(value, () => `tensor ${index + 1}`, path)
    const name = tensor.text('name')
    const order = before === undefined ? -1 : compareUtf8(before, name)
    if (order === 0) fields.fail(`the tensor ${JSON.stringify(name)} appears twice`)
    if (order > 0) fields.fail(`the tensor ${JSON.stringify(name)} is not in the order of names`)
    before = name
    const parsed = {
      name,
      dtype: tensor.text('dtype'),
      shape: tensor.counts('shape'),
      file: inFile(tensor.text('file')),
      digest: tensor.digest('digest', algorithms.slice(0, 1)),
    }
    tensor.end()
    return parsed
  })
  checkRoot(fields, 'model', model.weights, weightsOf(tensors, algorithms))
  return tensors
}
