/** The parser of a recorded git capture. */
import {
  boolean,
  damagedField,
  listOf,
  nullable,
  number,
  objectOf,
  oneOf,
  optional,
  parseMembers,
  text,
} from '../../json/read-fields.ts'
import { parseKept } from '../../record/overwritten.ts'
import type { WrittenDigests } from '../../core/digest.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { FieldParser } from '../../json/read-fields.ts'
import type {
  Blob,
  ChangedFile,
  GitCapture,
  KeptBundle,
  KeptPatch,
  LargeFile,
  NestedContent,
  Submodule,
  UntrackedEntry,
  UntrackedFile,
  UntrackedLink,
  WorkTreeContent,
  WrittenPath,
} from './types.ts'

/** The parsers of a path. */
const PATH = { path: text, pathBytes: optional(text) }

const writtenPath: FieldParser<WrittenPath> = objectOf(PATH)

const digests: FieldParser<WrittenDigests> = objectOf({ blake3: optional(text), sha256: optional(text) })

const blob: FieldParser<Blob> = objectOf({ mode: text, blob: text })

const workTree: FieldParser<WorkTreeContent> = (value, field) => {
  const content = objectOf({
    mode: text,
    size: optional(number),
    digests: optional(digests),
    reason: optional(text),
  })(value, field)
  const { mode, reason } = content
  if (reason !== undefined) return { mode, reason }
  return {
    mode,
    size: number(content.size, `${field}.size`),
    digests: digests(content.digests, `${field}.digests`),
  }
}

const changedFile: FieldParser<ChangedFile> = (value, field) => {
  const { stages, head, index, conflict, ...file } = objectOf({
    ...PATH,
    staged: nullable(text),
    unstaged: nullable(text),
    conflict: nullable(text),
    stages: optional(listOf(nullable(blob))),
    head: nullable(blob),
    index: nullable(blob),
    workTree: nullable(workTree),
  })(value, field)
  if (stages === undefined) return { ...file, conflict: null, head, index }
  return { ...file, conflict: text(conflict ?? undefined, `${field}.conflict`), stages }
}

const untrackedFile: FieldParser<UntrackedFile> = (value, field) => {
  const file = objectOf({
    ...PATH,
    kind: oneOf(['file']),
    mode: text,
    size: number,
    digests: nullable(digests),
    kept: boolean,
    reason: nullable(text),
    redacted: optional(number),
  })(value, field)
  if (!file.kept) return { ...file, kept: false, reason: file.reason ?? 'no reason is recorded' }
  if (file.digests === null) throw damagedField(`${field}.digests`, 'digests of a file that was kept', null)
  return { ...file, kept: true, digests: file.digests, reason: null }
}

const untrackedLink: FieldParser<UntrackedLink> = (value, field) => {
  const {
    target,
    targetBytes,
    digests: written,
    ...link
  } = objectOf({
    ...PATH,
    kind: oneOf(['link']),
    mode: text,
    target: optional(text),
    targetBytes: optional(text),
    digests: optional(digests),
  })(value, field)
  if (target === undefined) return link
  return {
    ...link,
    target,
    ...(targetBytes !== undefined && { targetBytes }),
    digests: digests(written, `${field}.digests`),
  }
}

const untrackedEntry: FieldParser<UntrackedEntry> = (value, field) => {
  const { kind } = objectOf({ kind: oneOf(['file', 'link', 'repository', 'other']) })(value, field)
  if (kind === 'file') return untrackedFile(value, field)
  if (kind === 'link') return untrackedLink(value, field)
  if (kind === 'other') return { ...writtenPath(value, field), kind }
  return {
    ...objectOf({ ...PATH, commit: nullable(text), content: optional(nestedContent) })(value, field),
    kind,
  }
}

const submodule: FieldParser<Submodule> = (value, field) =>
  objectOf({
    ...PATH,
    index: text,
    workTree: nullable(text),
    modified: boolean,
    untracked: boolean,
    url: nullable(text),
    content: optional(nestedContent),
  })(value, field)

const nestedContent: FieldParser<NestedContent> = (value, field) => {
  const { status, reason = 'no reason is recorded' } = objectOf({
    status: oneOf(['captured', 'failed']),
    reason: optional(text),
  })(value, field)
  if (status === 'failed') return { status, reason }
  const lists = objectOf({
    changed: listOf(changedFile),
    untracked: listOf(untrackedEntry),
    submodules: listOf(submodule),
  })(value, field)
  return { status, ...lists }
}

const largeFile: FieldParser<LargeFile> = (value, field) => {
  const { content } = objectOf({ content: boolean })(value, field)
  if (content) return { ...writtenPath(value, field), content }
  return { ...objectOf({ ...PATH, oid: text, size: number })(value, field), content }
}

const WRITTEN = { file: text, size: number, digests }

const keptPatch: FieldParser<KeptPatch> = (value, field) =>
  unwritten(value, field) ?? {
    status: 'written',
    ...objectOf({ ...WRITTEN, redactedLines: number, redactedFiles: optional(listOf(writtenPath)) })(
      value,
      field,
    ),
  }

const keptBundle: FieldParser<KeptBundle> = (value, field) =>
  unwritten(value, field) ?? {
    status: 'written',
    ...objectOf({ ...WRITTEN, commits: nullable(number) })(value, field),
  }

/** Parse a file entry whose status is not `written`; `undefined` if it is `written`. */
const unwritten: FieldParser<{ status: 'empty' } | { status: 'absent'; reason: string } | undefined> = (
  value,
  field,
) => {
  const { status, reason = 'no reason is recorded' } = objectOf({
    status: oneOf(['written', 'empty', 'absent']),
    reason: optional(text),
  })(value, field)
  if (status === 'written') return undefined
  return status === 'empty' ? { status } : { status, reason }
}

const texts = listOf(text)

const REPOSITORY = {
  commit: text,
  changed: listOf(changedFile),
  untracked: listOf(untrackedEntry),
  submodules: listOf(submodule),
  gitVersion: optional(text),
  root: optional(text),
  directory: optional(text),
  objectFormat: optional(text),
  shortCommit: optional(text),
  message: optional(text),
  author: optional(text),
  authorDate: optional(text),
  committer: optional(text),
  commitDate: optional(text),
  branch: optional(nullable(text)),
  detached: optional(boolean),
  tags: optional(texts),
  upstream: optional(nullable(objectOf({ name: text, ahead: nullable(number), behind: nullable(number) }))),
  unpushed: optional(nullable(number)),
  bundle: optional(nullable(keptBundle)),
  remotes: optional(listOf(objectOf({ name: text, fetch: texts, push: texts }))),
  operation: optional(nullable(text)),
  worktree: optional(objectOf({ linked: boolean, others: listOf(objectOf({ name: text, path: text })) })),
  clean: optional(boolean),
  staged: optional(texts),
  modified: optional(texts),
  conflicted: optional(texts),
  largeFiles: optional(objectOf({ count: number, pointers: number, files: listOf(largeFile) })),
  stashes: optional(nullable(number)),
  shallow: optional(boolean),
  sparse: optional(boolean),
  sparsePatterns: optional(nullable(objectOf({ cone: boolean, patterns: text }))),
  partial: optional(boolean),
  assumedUnchanged: optional(texts),
  skippedFiles: optional(number),
  workTreeFiles: optional(
    nullable(
      objectOf({
        files: listOf(objectOf({ ...PATH, cause: text, workTree: nullable(workTree) })),
        unlisted: number,
      }),
    ),
  ),
  patches: optional(
    nullable(
      objectOf({
        left: listOf(objectOf({ ...PATH, size: number, reason: optional(text) })),
        diff: keptPatch,
        staged: keptPatch,
      }),
    ),
  ),
  code: parseKept,
}

/**
 * Parse a recorded git capture of this version or another.
 *
 * @param value The `value` of the capture.
 * @throws ERR_LINEAPRINT_RECORD naming the field whose recorded form is damaged.
 */
export function parseGitCapture(value: JsonObject): GitCapture {
  const { available } = parseMembers({ available: boolean }, value, '')
  if (available) return { available, ...parseMembers(REPOSITORY, value, '') }
  const {
    reason = 'no reason is recorded',
    root,
    ...state
  } = parseMembers(
    {
      reason: optional(text),
      root: optional(text),
      branch: nullable(text),
      operation: nullable(text),
    },
    value,
    '',
  )
  return root === undefined ? { available, reason } : { available, reason, root, ...state }
}
