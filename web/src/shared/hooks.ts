/** Hooks of all views: data that is loaded, keys, and sizes. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { isPassing, isUnreachable } from './api.ts'
import { useConnection } from './connection.ts'
import type { RefObject } from 'preact'
import type { KeyName } from './keys.ts'

/** Data that is loaded. The last data stays while new data comes, so that nothing jumps. */
export interface Loaded<T> {
  readonly data: T | undefined
  readonly error: unknown
  readonly isLoading: boolean
}

/** Milliseconds after which what failed for a while is tried again. */
const RETRY = 4000

/** Act again and again while the last failure is one that passes by itself. */
export function useRetry(failure: unknown, act: () => void): void {
  const current = useRef(act)
  current.current = act
  useEffect(() => {
    if (!isPassing(failure)) return undefined
    const timer = setTimeout(() => current.current(), RETRY)
    return () => clearTimeout(timer)
  }, [failure])
}

/**
 * Load data, and load it again when a key changes, when the server answers again, and after a failure that passes.
 *
 * @param times A number with which the same data is loaded again when it changes.
 */
export function useLoaded<T>(
  key: string,
  load: (signal: AbortSignal) => Promise<T>,
  times: number = 0,
): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({ data: undefined, error: undefined, isLoading: true })
  const { returns } = useConnection()
  const loadedKey = useRef<string>(undefined)
  const [failure, setFailure] = useState<unknown>()
  const [retries, setRetries] = useState(0)
  useRetry(failure, () => setRetries((before) => before + 1))
  useEffect(() => {
    const stop = new AbortController()
    // A failure that is tried again stays on the screen meanwhile.
    setState(({ data, error }) => ({ data, error: isPassing(error) ? error : undefined, isLoading: true }))
    const take = async (): Promise<void> => {
      try {
        const data = await load(stop.signal)
        if (stop.signal.aborted) return
        loadedKey.current = key
        setFailure(undefined)
        setState({ data, error: undefined, isLoading: false })
      } catch (error) {
        if (stop.signal.aborted) return
        setFailure(error)
        const isOwn = loadedKey.current === key && (isUnreachable(error) || isPassing(error))
        // What failed is of another address than the last data: beside each other they would mislead.
        setState(({ data }) =>
          isOwn ? { data, error: undefined, isLoading: false } : { data: undefined, error, isLoading: false },
        )
      }
    }
    void take()
    return () => stop.abort()
  }, [key, returns, times, retries])
  return state
}

/** Keys of a view. */
export type Keys = Readonly<Partial<Record<KeyName, (event: KeyboardEvent) => void>>>

/** Fields in which keys are letters. */
const FIELDS = 'input:not([type=checkbox]), textarea, select, dialog'

/** Act on keys that are pressed outside of fields. */
export function useKeys(keys: Keys): void {
  const current = useRef(keys)
  current.current = keys
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
      const target = event.target as HTMLElement
      if (target.closest(FIELDS) !== null) return
      // A focused button, link or check mark has a use of its own for these.
      if (
        (event.key === 'Enter' || event.key === ' ') &&
        target.closest('a, button, summary, input') !== null
      )
        return
      const act = (current.current as Readonly<Record<string, ((event: KeyboardEvent) => void) | undefined>>)[
        event.key
      ]
      if (act === undefined) return
      event.preventDefault()
      act(event)
    }
    document.addEventListener('keydown', listener)
    return () => document.removeEventListener('keydown', listener)
  }, [])
}

/** Return the width of an element, and render again when it changes. */
export function useWidth<E extends HTMLElement>(): [RefObject<E | null>, number] {
  const element = useRef<E>(null)
  const [width, setWidth] = useState(0)
  useEffect(() => {
    if (element.current === null) return undefined
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry?.contentRect.width ?? 0)))
    observer.observe(element.current)
    return () => observer.disconnect()
  }, [])
  return [element, width]
}

/** Set the title of the window. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === '' ? 'lineaprint' : `${title} · lineaprint`
  }, [title])
}
