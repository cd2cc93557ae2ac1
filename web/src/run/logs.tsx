/** The output of a run. While it runs, the page follows the end. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { fetchLog, isUnreachable } from '../shared/api.ts'
import { useConnection } from '../shared/connection.ts'
import { Empty, Failure } from '../shared/parts.tsx'
import { bytes, shown, shownLog } from '../shared/text.ts'
import { SaveButton } from './save.tsx'
import type { RunBody } from '../shared/api.ts'

/** Characters that are kept; the beginning goes first. */
const KEPT = 1 << 20

/** Milliseconds between two reads of a log that is written. */
const INTERVAL = 1000

/** The logs. */
export function Logs({
  run,
  isOnServer,
  onRead,
}: {
  readonly run: RunBody
  /** True if the run is sent to this server while it goes on. */
  readonly isOnServer: boolean
  readonly onRead: () => void
}) {
  const [chosen, setChosen] = useState<string>()
  const name =
    run.logs.find((log) => log.name === chosen)?.name ??
    run.logs.find(({ bytes: all }) => all !== 0)?.name ??
    run.logs[0]?.name
  useEffect(() => void (name === undefined && onRead()), [name])
  if (name === undefined) {
    const { stdout } = run.record.command
    return (
      <Empty title="No logs">
        <p>
          {stdout?.status === 'not-captured'
            ? shown(stdout.reason)
            : 'Programs that are started with "lineaprint run" have their output here.'}
        </p>
      </Empty>
    )
  }
  return (
    <>
      <div class="chart-tools">
        <div class="choice" role="group" aria-label="Log">
          {run.logs.map(({ name: other, title, bytes: size }) => (
            <button type="button" key={other} aria-pressed={other === name} onClick={() => setChosen(other)}>
              {shown(title, 60)} <span class="dim log-size">{size !== null && bytes(size)}</span>
            </button>
          ))}
        </div>
        <SaveButton id={run.id} file={{ kind: 'log', name }} title={`Save ${shown(name, 60)}`} text="save" />
      </div>
      {isOnServer && run.status === 'running' && (
        <p class="dim log-note">
          While the run goes on, each line comes within seconds of its end, and of a long output the first 10
          MiB.
          {run.record.launch !== undefined && ' The logs of other ranks come at the end.'}
        </p>
      )}
      <Log key={name} id={run.id} name={name} isLive={run.status === 'running'} onRead={onRead} />
    </>
  )
}

interface LogProps {
  readonly id: string
  readonly name: string
  readonly isLive: boolean
  /** Called when the log has been read once, or cannot be. */
  readonly onRead: () => void
}

function Log({ id, name, isLive, onRead }: LogProps) {
  const [text, setText] = useState('')
  const [open, setOpen] = useState('')
  const [error, setError] = useState<unknown>()
  const [isFollowed, setFollowed] = useState(true)
  const [begin, setBegin] = useState(0)
  const [isRead, setRead] = useState(false)
  // A log that grows has its height from the start, so that what is below it stays where it is.
  const [isTall] = useState(isLive)
  const { returns } = useConnection()
  const frame = useRef<HTMLPreElement>(null)
  const end = useRef<number>(undefined)
  useEffect(() => {
    const stop = new AbortController()
    const read = async (): Promise<void> => {
      try {
        for (let size = Infinity; (end.current ?? -1) < size;) {
          const part = await fetchLog(id, name, end.current, stop.signal)
          // A line that has not ended is written over.
          setOpen(part.open)
          if (part.size < part.to || (end.current !== undefined && part.to === end.current)) break
          if (end.current === undefined) setBegin(part.from)
          end.current = part.to
          size = part.size
          if (part.text === '') break
          setText((before) => (before + part.text).slice(-KEPT))
        }
        setError(undefined)
        setRead(true)
      } catch (failure) {
        if (!stop.signal.aborted && !(isUnreachable(failure) && end.current !== undefined)) setError(failure)
      }
      if (!stop.signal.aborted) onRead()
    }
    void read()
    const timer = isLive ? setInterval(() => void (document.hidden || read()), INTERVAL) : 0
    return () => {
      stop.abort()
      clearInterval(timer)
    }
  }, [isLive, returns])
  useEffect(() => {
    if (isFollowed && frame.current !== null) frame.current.scrollTop = frame.current.scrollHeight
  }, [text, open, isFollowed])
  const scrolled = (): void => {
    const { current } = frame
    if (current !== null) setFollowed(current.scrollTop + current.clientHeight >= current.scrollHeight - 8)
  }
  return (
    <div class="log">
      {error !== undefined && <Failure error={error} />}
      {begin > 0 && (
        <p class="dim log-note">
          {bytes(begin)} before this are in the file {shown(name, 100)} of the run
        </p>
      )}
      <pre
        ref={frame}
        class={isTall ? 'tall' : ''}
        tabIndex={0}
        aria-label={`Output ${name}`}
        onScroll={scrolled}
      >
        {text + open === '' ? (
          <span class="dim">{!isRead ? '' : isLive ? 'nothing so far' : 'nothing was written'}</span>
        ) : (
          shownLog(text + open)
        )}
      </pre>
      {!isFollowed && (
        <button
          type="button"
          class="button log-end"
          onClick={() => (setFollowed(true), frame.current?.focus())}
        >
          {isLive ? 'Follow' : 'To the end'}
        </button>
      )}
    </div>
  )
}
