/**
 * The stable fields of `git`, which its digest covers.
 *
 * Without a repository, a commit or a git program: `{"available": false}`. Otherwise an object of
 *
 * - `available`: `true`.
 * - `commit`: the commit id in hexadecimal.
 * - `changed`: an array of the tracked files that differ between commit, index and work tree, submodules left out,
 *   sorted by the bytes of the path, each an object of
 *   - `path`: the path below the root of the work tree, segments joined by `/`. If its bytes are not UTF-8, `\xNN`
 *     (two lower-case hexadecimal digits) stands for each byte that is no part of a valid sequence, `\\` for a
 *     backslash, and `pathBytes` holds all bytes in hexadecimal; otherwise there is no `pathBytes`.
 *   - `index`: `null` if the index does not hold it, else `{"mode", "blob"}`: six octal digits and git's object id.
 *     In a conflict there is `stages` instead: an array of three such values, for base, ours and theirs.
 *   - `workTree`: `null` if the work tree does not hold it, else `{"mode", "digest"}`: the mode git sees, and the
 *     plain digest of the file's raw bytes, before any filter or conversion of line ends, or for a link
 *     (mode `120000`) of its target. `digest` is `null` for what could not be read.
 * - `untracked`: an array of the files and links that are neither tracked nor ignored, sorted likewise, each an
 *   object of `path`, `pathBytes` as above, `mode` (`100644`, `100755` if its owner may execute it, `120000` for a
 *   link) and `digest` as above. A repository within the work tree that is no submodule has `commit` (`null` if it has
 *   none) instead of `mode` and `digest`; anything else has only its path. What lies in a folder named `.lineaprint`,
 *   and in the folder that the run's files are written to, is left out.
 * - `submodules`: an array of the submodules, sorted likewise, each an object of `path`, `pathBytes` as above, `index`
 *   (commit id in the index), `workTree` (commit id checked out, `null` if none is), `modified` and `untracked`
 *   (whether it holds changed tracked files and untracked files).
 *
 * Plain digests are in written form and of the same hash function as the structured digest. Branch, tags, remotes,
 * messages, times, stashes and the bytes of patches do not count: a patch depends on the version of git and of its
 * compression library, what it changes does not.
 */
import { asArray, asObject, asText } from '../fields.ts'
import type { Algorithm } from '../../core/digest.ts'
import type { JsonObject, JsonValue } from '../../core/json-value.ts'

/**
 * Takes the stable fields out of a recorded value.
 *
 * @param value What was captured.
 * @param algorithm Whose plain digests; the capture must have computed them.
 */
export function gitDigestFields(value: JsonObject, algorithm: Algorithm): JsonObject {
  if (value['available'] !== true) return { available: false }
  return {
    available: true,
    commit: asText(value['commit'], 'commit'),
    changed: objects(value, 'changed').map((entry) => stableChanged(entry, algorithm)),
    untracked: objects(value, 'untracked').map((entry) => stableUntracked(entry, algorithm)),
    submodules: objects(value, 'submodules').map((entry) => stableSubmodule(entry)),
  }
}

function stableChanged(entry: JsonObject, algorithm: Algorithm): JsonObject {
  const { stages, index = null } = entry
  return {
    ...pathOf(entry),
    ...(stages === undefined ? { index } : { stages }),
    workTree: workTree(entry['workTree'], algorithm),
  }
}

function stableUntracked(entry: JsonObject, algorithm: Algorithm): JsonObject {
  if (entry['kind'] === 'repository') return { ...pathOf(entry), commit: entry['commit'] ?? null }
  if (entry['kind'] === 'other') return pathOf(entry)
  return {
    ...pathOf(entry),
    mode: asText(entry['mode'], 'untracked.mode'),
    digest: digestOf(entry, algorithm),
  }
}

function stableSubmodule(entry: JsonObject): JsonObject {
  return {
    ...pathOf(entry),
    index: asText(entry['index'], 'submodules.index'),
    workTree: entry['workTree'] ?? null,
    modified: entry['modified'] === true,
    untracked: entry['untracked'] === true,
  }
}

/** The stable fields by name, in words for people. */
export function gitFieldMap(stable: JsonObject): Map<string, string> {
  const fields = new Map<string, string>()
  if (stable['available'] !== true) return fields
  fields.set('commit', asText(stable['commit'], 'commit'))
  for (const list of ['changed', 'untracked', 'submodules'] as const) {
    for (const { path, pathBytes, ...rest } of objects(stable, list)) {
      // Two paths may look the same only if one of them is not UTF-8.
      const name = `${list}.${asText(path, 'path')}${pathBytes === undefined ? '' : ' (not UTF-8)'}`
      fields.set(name, summary(rest))
    }
  }
  return fields
}

function summary(entry: JsonObject): string {
  return Object.entries(entry)
    .map(([name, value]) => {
      if (value === null) return `${name} none`
      if (typeof value !== 'object') return `${name} ${value}`
      return `${name} ${Object.values(value)
        .map((part: JsonValue) => (typeof part === 'string' ? part : JSON.stringify(part)))
        .join(' ')}`
    })
    .join(', ')
}

function objects(value: JsonObject, field: string): JsonObject[] {
  return asArray(value[field], field).map((entry) => asObject(entry, field))
}

function pathOf(entry: JsonObject): JsonObject {
  const path = asText(entry['path'], 'path')
  return entry['pathBytes'] === undefined
    ? { path }
    : { path, pathBytes: asText(entry['pathBytes'], 'pathBytes') }
}

function workTree(value: JsonValue | undefined, algorithm: Algorithm): JsonValue {
  if (value === null || value === undefined) return null
  const entry = asObject(value, 'workTree')
  return { mode: asText(entry['mode'], 'workTree.mode'), digest: digestOf(entry, algorithm) }
}

function digestOf(entry: JsonObject, algorithm: Algorithm): JsonValue {
  const digests = entry['digests']
  return digests === undefined || digests === null ? null : (asObject(digests, 'digests')[algorithm] ?? null)
}
