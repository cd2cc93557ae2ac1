/** One run. */
import { useEffect, useState } from 'preact/hooks'
import { fetchRun, followRun } from '../shared/api.ts'
import { useKeys, useTitle } from '../shared/hooks.ts'
import { Failure, Section, Status } from '../shared/parts.tsx'
import { go, lineageAddress } from '../shared/router.ts'
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

/** One run. While it goes on, what it records shows within a second. */
export function RunView({ id, store }: { readonly id: string; readonly store: StoreBody | undefined }) {
  const [run, setRun] = useState<RunBody>()
  const [error, setError] = useState<unknown>()
  const [version, setVersion] = useState(0)
  const [isVerified, setVerified] = useState(false)
  // Until then nobody knows how tall the log is, and what is below it would move.
  const [isLogRead, setLogRead] = useState(false)
  useTitle(run === undefined ? id : shown(run.labels.runName ?? run.record.name, 80))
  useEffect(() => {
    const stop = new AbortController()
    const follow = async (): Promise<void> => {
      const first = await fetchRun(id, stop.signal)
      setRun(first)
      setError(undefined)
      if (first.status !== 'running') return
      let isBusy = false
      await followRun(
        id,
        ({ version: own }) => {
          setVersion(own)
          if (isBusy) return
          isBusy = true
          void fetchRun(id, stop.signal)
            .then(setRun, () => undefined)
            .finally(() => (isBusy = false))
        },
        stop.signal,
      )
      setRun(await fetchRun(id, stop.signal))
      setVersion((before) => before + 1)
    }
    const keep = async (): Promise<void> => {
      for (let wait = 1000; !stop.signal.aborted; wait = Math.min(wait * 2, 10_000)) {
        try {
          return await follow()
        } catch (failure) {
          if (stop.signal.aborted) return
          setError(failure)
          await new Promise((resolve) => setTimeout(resolve, wait))
        }
      }
    }
    void keep()
    return () => stop.abort()
  }, [id])
  const verify = (): void => setVerified(true)
  const canVerify = store?.canVerify === true
  useKeys({ ...(canVerify && { v: verify }), l: () => go(lineageAddress(id, 'run')) })
  if (run === undefined) {
    return (
      <main class="run-view" key="waiting">
        {error === undefined ? <div class="bone bone-title" /> : <Failure error={error} />}
      </main>
    )
  }
  const { record, labels, status } = run
  const sections = SECTIONS.filter(([name]) => name !== 'parameters' || hasParameters(run))
  return (
    <main class="run-view" key="run">
      <header class="run-head">
        <div class="run-title">
          <h1>{shown(labels.runName ?? record.name, 300)}</h1>
          <Status status={status} />
          {labels.runName !== null && <span class="dim">{shown(record.name, 200)}</span>}
          {labels.tags.map((tag) => (
            <span class="tag" key={tag}>
              {shown(tag, 60)}
            </span>
          ))}
          {labels.isArchived && <span class="tag">archived</span>}
        </div>
        <div class="actions">
          <a class="button" href={lineageAddress(id, 'run')} title="What led to it, and what came of it (l)">
            Lineage
          </a>
          {canVerify && (
            <button
              type="button"
              class="button button-main"
              onClick={verify}
              disabled={isVerified}
              title="Compare this run with the present (v)"
            >
              Verify
            </button>
          )}
        </div>
      </header>
      {error !== undefined && <Failure error={error} />}
      <Warnings run={run} />
      {isVerified && <Verify id={id} directory={store?.directory ?? ''} onClose={() => setVerified(false)} />}
      <div class="run-body">
        <nav class="run-nav" aria-label="Sections">
          {sections.map(([name, title]) => (
            <a key={name} href={`#${name}`}>
              {title}
            </a>
          ))}
        </nav>
        <div class="run-sections">
          <Section id="what" title="What ran">
            <Facts run={run} />
          </Section>
          <Section
            id="metrics"
            title="Metrics"
            aside={status === 'running' && <span class="live">live</span>}
          >
            <Charts
              runs={[{ id, label: labels.runName ?? record.name }]}
              version={version}
              isLive={status === 'running'}
              expected={Object.keys(record.metrics).length}
            />
          </Section>
          <Section id="data" title="Inputs and outputs">
            <Data run={run} />
          </Section>
          {hasParameters(run) && (
            <Section id="parameters" title="Parameters">
              <Parameters run={run} />
            </Section>
          )}
          <Section id="logs" title="Logs">
            <Logs run={run} isOnServer={store?.canVerify === false} onRead={() => setLogRead(true)} />
          </Section>
          {isLogRead && (
            <>
              <Section id="environment" title="Environment">
                <Environment run={run} />
              </Section>
              <Section id="changes" title="Changes">
                <Patch run={run} />
              </Section>
            </>
          )}
        </div>
      </div>
    </main>
  )
}
