/** The page: its head, and the view of its address. */
import { render } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { CompareView } from './compare/view.tsx'
import { ContentsView } from './contents/list.tsx'
import { ContentView } from './contents/view.tsx'
import { Help } from './help.tsx'
import { LineageView } from './lineage/view.tsx'
import { RunView } from './run/view.tsx'
import { RunsView } from './runs/view.tsx'
import {
  ApiError,
  fetchStore,
  isUnreachable,
  onRefusal,
  onSignIn,
  openedProject,
  signIn,
  signOut,
  signedInProjects,
} from './shared/api.ts'
import { useConnection } from './shared/connection.ts'
import { arrive, keepFocus } from './shared/focus.ts'
import { useKeys, useRetry } from './shared/hooks.ts'
import { Empty, Failure, Typed } from './shared/parts.tsx'
import { follow, go, goToProject, linkedProject, nameProject, useAddress } from './shared/router.ts'
import { applyTheme, chooseTheme, chosenTheme, nextTheme } from './shared/theme.ts'
import { shown } from './shared/text.ts'
import { SignIn } from './sign-in.tsx'
import 'uplot/dist/uPlot.min.css'
import './styles.css'
import type { StoreBody } from './shared/api.ts'

function App() {
  const address = useAddress()
  const [store, setStore] = useState<StoreBody>()
  const [error, setError] = useState<unknown>()
  const [theme, setTheme] = useState(chosenTheme())
  const [isHelp, setHelp] = useState(false)
  const [session, setSession] = useState(0)
  const [isAdding, setAdding] = useState(false)
  const [other, setOther] = useState<string>()
  const open = async (): Promise<void> => {
    const found = await fetchStore()
    // Only the server of a team has projects.
    if (!found.canVerify) {
      openedProject(found.root)
      nameProject(found.root)
    }
    setStore(found)
    setError(undefined)
    // What a view could not load before, it loads now.
    setSession((before) => before + 1)
  }
  const enter = async (): Promise<void> => {
    try {
      await signIn()
      await open()
    } catch (failure) {
      setError(failure)
    }
  }
  useEffect(() => {
    void enter()
    return onSignIn(() => void enter())
  }, [])
  useEffect(() => onRefusal(setError), [])
  useRetry(error, () => void enter())
  useArrival(address.pathname)
  const change = (): void => {
    chooseTheme(nextTheme(theme))
    setTheme(nextTheme(theme))
  }
  useKeys({
    '?': () => setHelp(true),
    t: change,
    g: () => go('/'),
    m: () => go('/models'),
    d: () => go('/datasets'),
  })
  return (
    <div class="app" onClick={follow}>
      <header class="top">
        <a class="brand" href="/" aria-label="lineaprint: runs">
          <img src="/icon.svg" alt="" width="20" height="20" />
          <span class="brand-name">lineaprint</span>
        </a>
        <nav class="views" aria-label="Views">
          {VIEWS.map(([path, title]) => (
            <a key={path} href={path} aria-current={isOf(address, path) ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        {store?.canVerify === false ? (
          <Projects current={store.root} onAdd={() => setAdding(true)} />
        ) : (
          <span class="store" title={store?.root}>
            {shown(store?.root ?? '', 300)}
          </span>
        )}
        {store?.canVerify === false && (
          <button type="button" class="button quiet" onClick={signOut}>
            Sign out
          </button>
        )}
        <button type="button" class="button quiet" onClick={change} title="System, light or dark (t)">
          {theme}
        </button>
        <button
          type="button"
          class="button quiet"
          onClick={() => setHelp(true)}
          aria-label="Keys"
          title="Keys (?)"
        >
          ?
        </button>
      </header>
      {isAdding ? (
        <SignIn onDone={goToProject} onCancel={() => setAdding(false)} />
      ) : other !== undefined ? (
        <OtherProject name={other} onBack={() => setOther(undefined)} />
      ) : error !== undefined && isTokenNeeded(error) ? (
        <SignIn
          reason={signedInProjects().includes(linkedProject() ?? '') ? error.details.what : undefined}
          onDone={(project) => {
            if ((linkedProject() ?? project) !== project) return setOther(project)
            setError(undefined)
            return void open().catch(setError)
          }}
        />
      ) : error !== undefined ? (
        <SignedOut error={error} />
      ) : store === undefined ? (
        <main tabIndex={-1} />
      ) : (
        <View key={session} address={address} store={store} />
      )}
      <Lost isTeam={store?.canVerify === false} onReturn={() => error !== undefined && void enter()} />
      {isHelp && <Help onClose={() => setHelp(false)} />}
    </div>
  )
}

/** Give the focus to a view that another one led to, if nothing has it. */
function useArrival(path: string): void {
  const first = useRef(true)
  useEffect(() => {
    if (!first.current && document.activeElement === document.body) arrive()
    first.current = false
  }, [path])
}

/** Milliseconds between two questions to a server that does not answer. */
const AGAIN = 2000

/** What is said while the server does not answer. It is asked again until it does. */
function Lost({ isTeam, onReturn }: { readonly isTeam: boolean; readonly onReturn: () => void }) {
  const { isLost, returns } = useConnection()
  useEffect(() => {
    if (!isLost) return undefined
    const ask = (): void => void fetchStore().catch(() => undefined)
    const timer = setInterval(ask, AGAIN)
    window.addEventListener('online', ask)
    return () => {
      clearInterval(timer)
      window.removeEventListener('online', ask)
    }
  }, [isLost])
  useEffect(() => {
    if (returns > 0) onReturn()
  }, [returns])
  return (
    <div class="lost-place" role="status">
      {isLost && (
        <p class="lost">
          <b>The server does not answer.</b> What is here stays, and goes on when it does.{' '}
          {!isTeam && <>If the command has ended, start “lineaprint ui” again and open its link.</>}
        </p>
      )}
    </div>
  )
}

const VIEWS = [
  ['/', 'Runs'],
  ['/models', 'Models'],
  ['/datasets', 'Datasets'],
  ['/lineage', 'Lineage'],
] as const

/** Tell whether an address is in the part of the page that a link of the head leads to. */
function isOf({ pathname }: URL, path: string): boolean {
  if (path === '/') return pathname === '/' || pathname.startsWith('/runs/') || pathname === '/compare'
  return pathname === path
}

function View({ address, store }: { readonly address: URL; readonly store: StoreBody }) {
  const id = runOf(address)
  if (id !== undefined) return <RunView key={id} id={id} store={store} />
  if (address.pathname === '/models') return <ContentsView key="models" kind="models" address={address} />
  if (address.pathname === '/datasets')
    return <ContentsView key="datasets" kind="datasets" address={address} />
  if (address.pathname === '/content') return <ContentView address={address} />
  if (address.pathname === '/lineage') return <LineageView address={address} />
  if (address.pathname === '/compare') return <CompareView address={address} />
  return <RunsView address={address} />
}

/** The value of the choice that asks for another token. No project has this name. */
const ADD = '+'

/** The projects that this tab has signed in to. */
function Projects({ current, onAdd }: { readonly current: string; readonly onAdd: () => void }) {
  const change = (event: Event): void => {
    const list = event.currentTarget as HTMLSelectElement
    const { value } = list
    list.value = current
    if (value === ADD) onAdd()
    else if (value !== current) goToProject(value)
  }
  return (
    <span class="projects">
      <select aria-label="Project" value={current} onChange={change}>
        {signedInProjects().map((name) => (
          <option key={name} value={name}>
            {shown(name, 80)}
          </option>
        ))}
        <option value={ADD}>another project…</option>
      </select>
    </span>
  )
}

/** Shown to one who opens a link of a project with a token of another one. */
function OtherProject({ name, onBack }: { readonly name: string; readonly onBack: () => void }) {
  const wanted = linkedProject() ?? ''
  return (
    <main class="narrow" tabIndex={-1}>
      <Empty title="This link is of another project">
        <p>
          The token is of <b>{shown(name, 80)}</b>, the link of <b>{shown(wanted, 80)}</b>.
        </p>
        <p>
          <button type="button" class="button button-main" onClick={onBack}>
            Sign in to {shown(wanted, 80)}
          </button>{' '}
          <button type="button" class="button" onClick={() => goToProject(name)}>
            Open {shown(name, 80)}
          </button>
        </p>
      </Empty>
    </main>
  )
}

/** Return the id in the address of a run; as it stands if it is no text in codes of percent. */
function runOf({ pathname }: URL): string | undefined {
  const id = /^\/runs\/([^/]+)$/.exec(pathname)?.[1]
  try {
    return id === undefined ? undefined : decodeURIComponent(id)
  } catch {
    return id
  }
}

/** Check whether the page is on the server of a team, and not signed in. */
function isTokenNeeded(error: unknown): error is ApiError {
  return error instanceof ApiError && error.details.code === 'ERR_LINEAPRINT_TOKEN'
}

function SignedOut({ error }: { readonly error: unknown }) {
  if (isUnreachable(error)) {
    return (
      <main class="narrow" tabIndex={-1}>
        <Failure error={error} />
      </main>
    )
  }
  if (error instanceof ApiError && error.status === 401) {
    return (
      <main class="narrow" tabIndex={-1}>
        <Empty title="This page is not signed in">
          {error.details.what !== 'this page is not signed in' && <p>{shown(error.details.what)}.</p>}
          <p>Each link is good once, and for one browser.</p>
          <p>Press Enter in the terminal of the command for another link, or start it again:</p>
          <Typed>lineaprint ui</Typed>
        </Empty>
      </main>
    )
  }
  return (
    <main class="narrow" tabIndex={-1}>
      <Failure error={error} />
    </main>
  )
}

applyTheme()
const root = document.getElementById('app')
if (root !== null) {
  render(<App />, root)
  keepFocus(root)
}
