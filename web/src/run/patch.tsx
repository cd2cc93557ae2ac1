/** The uncommitted changes with which a run started. */
import { fetchPatch } from '../shared/api.ts'
import { useLoaded } from '../shared/hooks.ts'
import { Empty, Failure } from '../shared/parts.tsx'
import { bytes, count, shown } from '../shared/text.ts'
import type { RunBody } from '../shared/api.ts'

/** Lines of one file that are shown. */
const LINES = 2000

/** The patch, file by file. */
export function Patch({ run }: { readonly run: RunBody }) {
  const { data, error } = useLoaded(run.id, (signal) => fetchPatch(run.id, signal))
  const untracked = untrackedOf(run)
  if (error !== undefined) return <Failure error={error} />
  if (data === undefined) return <div class="bone" />
  if (data.text === null && untracked.length === 0) {
    return (
      <Empty title={isClean(run) ? 'No uncommitted changes' : 'No changes are recorded'}>
        <p>{data.reasons.map((reason) => shown(reason)).join('; ')}</p>
      </Empty>
    )
  }
  const files = data.text === null ? [] : filesOf(data.text)
  return (
    <>
      {data.reasons.map((reason) => (
        <p class="dim" key={reason}>
          {shown(reason)}
        </p>
      ))}
      {data.truncated && (
        <p class="notice notice-warn">
          Only the beginning of {bytes(data.bytes)} is shown; git/diff.patch in the folder of the run has all
          of it.
        </p>
      )}
      {files.map(({ name, lines, added, removed }, index) => (
        <details class="file" key={index} open={files.length <= 5 && lines.length <= 400}>
          <summary>
            <code class="file-name">{shown(name, 300)}</code>
            <span class="added">+{count(added)}</span> <span class="removed">−{count(removed)}</span>
          </summary>
          <pre class="patch" tabIndex={0} aria-label={`Changes of ${shown(name, 300)}`}>
            {lines.slice(0, LINES).map((line, at) => (
              <span key={at} class={classOf(line)}>
                {`${shown(line, 2000)}\n`}
              </span>
            ))}
          </pre>
          {lines.length > LINES && <p class="dim">{count(lines.length - LINES)} more lines</p>}
        </details>
      ))}
      {untracked.length > 0 && (
        <details class="file" open={untracked.length <= 10}>
          <summary>
            <span class="file-name">untracked files</span> <span class="dim">{count(untracked.length)}</span>
          </summary>
          <ul class="paths">
            {untracked.slice(0, 200).map(({ path, fact }) => (
              <li key={path}>
                <code>{shown(path, 300)}</code> <span class="dim">{fact}</span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

/** Tell whether the run has seen that nothing was changed. */
function isClean({ record }: RunBody): boolean {
  const capture = record.captures['git']
  return capture?.status === 'captured' && capture.value['clean'] === true
}

function untrackedOf({ record }: RunBody): { path: string; fact: string }[] {
  const capture = record.captures['git']
  if (capture?.status !== 'captured') return []
  const { untracked } = capture.value
  if (!Array.isArray(untracked)) return []
  return untracked.flatMap((entry) => {
    if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) return []
    const { path, size, kept, reason } = entry
    const facts = [
      typeof size === 'number' ? bytes(size) : '',
      kept === true ? 'kept' : typeof reason === 'string' ? `not kept: ${shown(reason, 200)}` : '',
    ]
    return [{ path: String(path), fact: facts.filter((fact) => fact !== '').join(', ') }]
  })
}

interface PatchFile {
  readonly name: string
  readonly lines: readonly string[]
  readonly added: number
  readonly removed: number
}

function filesOf(text: string): PatchFile[] {
  return text
    .split(/^(?=diff --git )/m)
    .filter((part) => part.startsWith('diff --git '))
    .map((part) => {
      const all = part.replace(/\n$/, '').split('\n')
      const first = all.findIndex((line) => line.startsWith('@@') || line.startsWith('GIT binary patch'))
      const lines = first < 0 ? all.slice(1) : all.slice(first)
      return {
        name: / b\/(.*)$/.exec(all[0] ?? '')?.[1] ?? all[0] ?? '',
        lines,
        added: lines.filter((line) => line.startsWith('+')).length,
        removed: lines.filter((line) => line.startsWith('-')).length,
      }
    })
}

function classOf(line: string): string {
  if (line.startsWith('@@')) return 'hunk'
  if (line.startsWith('+')) return 'added-line'
  return line.startsWith('-') ? 'removed-line' : ''
}
