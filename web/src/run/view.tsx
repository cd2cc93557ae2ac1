/** One run. */
import { useEffect, useState } from 'preact/hooks'
import { fetchRun, followRun, isUnreachable } from '../shared/api.ts'
import { useConnection } from '../shared/connection.ts'
import { useKeys, useTitle } from '../shared/hooks.ts'
import { Failure, Section, Status } from '../shared/parts.tsx'
import { go, lineageAddress } from '../shared/router.ts'
import { Steady } from '../shared/steady.tsx'
import { shown } from '../shared/text.ts'
import { Charts } from '../plot/charts.tsx'
import { Data } from './data.tsx'
import { Environment } from './environment.tsx'
import { Facts } from './facts.tsx'
import { Logs } from './logs.tsx'
import { Parameters, hasParameters } from './parameters.tsx'
import { Patch } from './patch.tsx'
import { Verify } from './verify.tsx'
import { Warnings } from './warnings.tsx'
import type { ComponentChildren } from 'preact'
import type { RunBody, StoreBody } from '../shared/api.ts'

const SECTIONS = [
  ['what', 'What ran'],
  ['metrics', 'Metrics'],
  ['data', 'Inputs and outputs'],
  ['parameters', 'Parameters'],
  ['logs', 'Logs'],
  ['environment', 'Environment'],
  ['changes', 'Changes'],
] as const

type SectionName = (typeof SECTIONS)[number][0]

/** Pixels that sections of a run that goes on have from the start, for what is to come. */
const KEPT: Readonly<Partial<Record<SectionName, number>>> = { metrics: 270, data: 112 }

/** Pixels of the log of a command that goes on. */
const LOG = 424

/** Sections below the log. */
const AFTER_LOGS: ReadonlySet<SectionName> = new Set(['environment', 'changes'])

/** One run. While it goes on, what it records shows within a second. */
export function RunView({ id, store }: { readonly id: string; readonly store: StoreBody | undefined }) {
  const [run, setRun] = useState<RunBody>()
  const [error, setError] = useState<unknown>()
  const [version, setVersion] = useState(0)
  // What a run recorded while nobody could ask is asked for when the server answers again.
  const { returns } = useConnection()
  useTitle(run === undefined ? id : shown(run.labels.runName ?? run.record.name, 80))
  useEffect(() => {
    const stop = new AbortController()
    /** Returns true when the run has ended. */
    const follow = async (): Promise<boolean> => {
      const first = await fetchRun(id, stop.signal)
      setRun(first)
      setError(undefined)
      if (first.status !== 'running') return true
      let [isBusy, isAgain] = [false, false]
      const read = async (): Promise<void> => {
        isAgain = isBusy
        if (isBusy) return
        isBusy = true
        await fetchRun(id, stop.signal).then(setRun, () => undefined)
        isBusy = false
        if (isAgain) await read()
      }
      await followRun(
        id,
        ({ version: own }) => {
          setVersion(own)
          void read()
        },
        stop.signal,
      )
      const last = await fetchRun(id, stop.signal)
      setRun(last)
      setVersion((before) => before + 1)
      return last.status !== 'running'
    }
    const keep = async (): Promise<void> => {
      for (let wait = 1000; !stop.signal.aborted; wait = Math.min(wait * 2, 10_000)) {
        try {
          if (await follow()) return
        } catch (failure) {
          if (stop.signal.aborted) return
          setError(failure)
        }
        await new Promise((resolve) => setTimeout(resolve, wait))
      }
    }
    void keep()
    return () => stop.abort()
  }, [id, returns])
  if (run === undefined) {
    return (
      <main class="run-view" key="waiting" tabIndex={-1}>
        {error === undefined ? <div class="bone bone-title" /> : <Failure error={error} isView />}
      </main>
    )
  }
  return (
    <Run
      key="run"
      run={run}
      version={version}
      error={isUnreachable(error) ? undefined : error}
      directory={store?.canVerify === true ? store.directory : undefined}
      isOnServer={store?.canVerify === false}
    />
  )
}

interface RunProps {
  readonly run: RunBody
  readonly version: number
  readonly error: unknown
  /** The folder with which the run can be compared; `undefined` if it cannot be. */
  readonly directory: string | undefined
  /** Whether the run was sent to this server while it ran, which has not all of its logs then. */
  readonly isOnServer: boolean
}

function Run({ run, version, error, directory, isOnServer }: RunProps) {
  const { id, record, labels, status } = run
  const isRunning = status === 'running'
  // What was seen while it ran keeps its place when it ends.
  const [isLive] = useState(isRunning)
  const [isVerified, setVerified] = useState(false)
  // Until then nobody knows how tall the log is, and what is below it would move.
  const [isLogRead, setLogRead] = useState(false)
  useKeys({
    ...(directory !== undefined && { v: () => setVerified(true) }),
    l: () => go(lineageAddress(id, 'run')),
  })
  const sections = SECTIONS.filter(([name]) => name !== 'parameters' || isLive || hasParameters(run))
  const views: Readonly<Record<SectionName, ComponentChildren>> = {
    what: <Facts run={run} isLive={isLive} />,
    metrics: (
      <Charts
        runs={[{ id, label: labels.runName ?? record.name }]}
        version={version}
        isLive={isRunning}
        isGrowing={isLive}
        expected={Object.keys(record.metrics).length}
      />
    ),
    data: <Data run={run} />,
    parameters: hasParameters(run) ? <Parameters run={run} /> : <p class="dim">None so far.</p>,
    logs: <Logs run={run} isOnServer={isOnServer} onRead={() => setLogRead(true)} />,
    environment: <Environment run={run} />,
    changes: <Patch run={run} />,
  }
  return (
    <main class="run-view" tabIndex={-1}>
      <header class="run-head">
        <div class={`run-title ${isLive ? 'run-title-live' : ''}`}>
          <h1 tabIndex={-1} data-arrival>
            {shown(labels.runName ?? record.name, 300)}
          </h1>
          <Status status={status} />
          {labels.runName !== null && <span class="dim">{shown(record.name, 200)}</span>}
          {labels.tags.map((tag) => (
            <span class="tag" key={tag} title={shown(tag, 300)}>
              {shown(tag, 60)}
            </span>
          ))}
          {labels.isArchived && <span class="tag">archived</span>}
        </div>
        <div class="actions">
          <a class="button" href={lineageAddress(id, 'run')} title="What led to it, and what came of it (l)">
            Lineage
          </a>
          {directory !== undefined && (
            <button
              type="button"
              class="button button-main"
              onClick={() => setVerified(true)}
              disabled={isVerified}
              title="Compare this run with the present (v)"
            >
              Verify
            </button>
          )}
        </div>
      </header>
      {error !== undefined && <Failure error={error} />}
      <Warnings run={run} isLive={isLive} />
      {isVerified && <Verify id={id} directory={directory ?? ''} onClose={() => setVerified(false)} />}
      <div class="run-body">
        <nav class="run-nav" aria-label="Sections">
          {sections.map(([name, title]) => (
            <a key={name} href={`#${name}`}>
              {title}
            </a>
          ))}
        </nav>
        <div class="run-sections">
          {sections
            .filter(([name]) => isLogRead || !AFTER_LOGS.has(name))
            .map(([name, title]) => (
              <Section
                key={name}
                id={name}
                title={title}
                aside={name === 'metrics' && isRunning && <span class="live">live</span>}
              >
                <Steady
                  isLive={isLive}
                  least={name === 'logs' && record.command.wrapped ? LOG : (KEPT[name] ?? 0)}
                >
                  {views[name]}
                </Steady>
              </Section>
            ))}
        </div>
      </div>
    </main>
  )
}
