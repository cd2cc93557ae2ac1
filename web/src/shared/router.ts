/** The address of the page: all that a view shows is in it, so that a link shows the same. */
import { useEffect, useState } from 'preact/hooks'

const listeners = new Set<() => void>()

window.addEventListener('popstate', () => {
  for (const listener of listeners) listener()
})

/** Parameter with the project on the server of a team: who opens a link learns which token it needs. */
const PROJECT = 'project'

let project: string | undefined

/** Return the project that the address names. */
export function linkedProject(): string | undefined {
  return new URLSearchParams(location.search).get(PROJECT) ?? undefined
}

/** Name a project in this address and those that follow. */
export function nameProject(name: string): void {
  project = name
  go(location.pathname + location.search, 'replace')
}

function withProject(address: string): string {
  if (project === undefined) return address
  const { pathname, search } = new URL(address, location.origin)
  const parameters = new URLSearchParams(search)
  parameters.set(PROJECT, project)
  return `${pathname}?${parameters}`
}

/** Load the page of another project, whose token this tab has. */
export function goToProject(name: string): void {
  location.assign(`/?${new URLSearchParams({ project: name })}`)
}

/** Go to another address. @param how `replace` leaves no step back. */
export function go(to: string, how: 'push' | 'replace' = 'push'): void {
  const address = withProject(to)
  if (address === location.pathname + location.search) return
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', address)
  if (how === 'push') window.scrollTo(0, 0)
  for (const listener of listeners) listener()
}

/** Return the address, and render again when it changes. */
export function useAddress(): URL {
  const [, setVersion] = useState(0)
  useEffect(() => {
    const listener = (): void => setVersion((version) => version + 1)
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [])
  return new URL(location.href)
}

/** Follow a link without loading the page again, unless another window is wanted. */
export function follow(event: MouseEvent): void {
  const link = (event.target as Element).closest('a')
  if (link === null || event.defaultPrevented || event.button !== 0) return
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
  if (link.target !== '' || link.origin !== location.origin || link.hash !== '') return
  event.preventDefault()
  go(link.pathname + link.search)
}

/** Return the address of a run. */
export function runAddress(id: string): string {
  return `/runs/${encodeURIComponent(id)}`
}

/** Return the address of a comparison. */
export function compareAddress(ids: readonly string[]): string {
  return `/compare?${new URLSearchParams(ids.map((id) => ['run', id]))}`
}

/** Return the address of a model or dataset. @param against Digest of the model with which it is compared. */
export function contentAddress(digest: string, against?: string): string {
  return `/content?${new URLSearchParams({ digest, ...(against !== undefined && { against }) })}`
}

/** Return the address of a lineage. @param as Kind of the reference, if it could have two meanings. */
export function lineageAddress(of: string, as?: 'run'): string {
  return `/lineage?${new URLSearchParams({ of, ...(as !== undefined && { as }) })}`
}
