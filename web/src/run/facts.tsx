/** What ran, where and with what, as names and texts. */
import { Digest, Moment } from '../shared/parts.tsx'
import { runAddress } from '../shared/router.ts'
import { duration, localTime, shown } from '../shared/text.ts'
import type { ComponentChildren } from 'preact'
import type { RunBody } from '../shared/api.ts'

/** The facts of a run. */
export function Facts({ run, isLive }: { readonly run: RunBody; readonly isLive: boolean }) {
  return (
    <dl class="facts facts-wide">
      {factsOf(run, isLive).map(([name, value]) => (
        // With its digest it has two lines on a narrow screen.
        <div key={name} class={name === 'seal' ? 'two-lines' : ''}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function factsOf(
  { id, folder, seal, unlisted, record, labels, status }: RunBody,
  isLive: boolean,
): [string, ComponentChildren][] {
  const { command, startedAt, durationMs, captures, process, notes, parent, launch, lineaprint } = record
  const git = gitText(captures['git'])
  const seed = seedText(captures['seeds'])
  const sealWords = {
    holds:
      unlisted.count === 0
        ? 'holds'
        : `holds; ${unlisted.count === 1 ? '1 file is' : `${unlisted.count} files are`} not listed in the record`,
    broken: 'broken',
    none: status === 'running' ? 'follows at the end' : 'none',
  }[seal]
  const ended = [
    command.exitCode === null ? '' : `exit code ${command.exitCode}`,
    command.signal === null ? '' : `signal ${command.signal}`,
  ].filter((text) => text !== '')
  // These lines are there from the start and stay, so that nothing moves when they are known.
  const notYet =
    status === 'running' ? <span class="dim">not yet</span> : isLive ? <span class="dim">not known</span> : ''
  const facts: [string, ComponentChildren][] = [
    ['command', <code class="wrap">{shown(command.argv.map(quote).join(' '), 4000)}</code>],
    ['directory', <code class="wrap">{shown(command.workingDirectory)}</code>],
    [
      'started',
      <>
        {localTime(startedAt)}{' '}
        <span class="dim">
          (<Moment time={startedAt} />)
        </span>
      </>,
    ],
    ['took', durationMs === null ? notYet : duration(durationMs)],
    ['ended', ended.length === 0 ? notYet : ended.join(', ')],
    ['machine', shown(`${process.host}, process ${process.pid}`)],
    ['code', git === '' ? notYet : git],
    ['seed', seed === '' ? notYet : seed],
    [
      'launch',
      launch === undefined
        ? ''
        : shown(
            `${launch.launcher}, ${launch.ranks.length} ranks of ${launch.size ?? 'unknown'} on ${launch.node}`,
          ),
    ],
    ['parent', parent === null ? '' : <a href={runAddress(parent)}>{shown(parent, 60)}</a>],
    ['notes', notes === '' ? '' : <span class="prose">{shown(notes, 4000)}</span>],
    ...labels.notes.map(({ note, time, author }, index): [string, ComponentChildren] => [
      `note ${index + 1}`,
      <span class="prose">
        {shown(note, 4000)}{' '}
        <span class="dim">
          {shown(author, 80)}, {localTime(time)}
        </span>
      </span>,
    ]),
    ['id', <Digest digest={id} />],
    // A server tells no folder.
    ['folder', folder === '' ? '' : <code class="wrap">{shown(folder)}</code>],
    [
      'seal',
      record.seal === null ? (
        sealWords
      ) : (
        <>
          <Digest digest={record.seal} /> <span class={seal === 'broken' ? 'bad' : 'good'}>{sealWords}</span>
        </>
      ),
    ],
    ['lineaprint', shown(lineaprint, 60)],
  ]
  return facts.filter(([, value]) => value !== '')
}

type Capture = RunBody['record']['captures'][string] | undefined

function gitText(capture: Capture): ComponentChildren {
  if (capture === undefined || capture.status === 'off') return ''
  if (capture.status === 'failed') return shown(capture.reason)
  const { available, commit, branch, clean, reason } = capture.value
  if (available !== true) return shown(typeof reason === 'string' ? reason : 'no repository')
  const on = typeof branch === 'string' ? ` on ${shown(branch, 100)}` : ''
  return (
    <>
      <Digest digest={typeof commit === 'string' ? commit : ''} />
      {on}
      {clean === false && <span class="warn"> with uncommitted changes</span>}
      {clean === true && <span class="dim"> without changes</span>}
    </>
  )
}

function seedText(capture: Capture): string {
  if (capture?.status !== 'captured') return ''
  const { seed } = capture.value
  return typeof seed === 'number' ? String(seed) : 'none'
}

function quote(argument: string): string {
  return /^[\w./:@%+=,-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`
}
