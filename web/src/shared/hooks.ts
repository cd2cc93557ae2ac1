/** Hooks of all views: data that is loaded, keys, and sizes. */
import { useEffect, useRef, useState } from 'preact/hooks'
import type { RefObject } from 'preact'

/** Data that is loaded. The last data stays while new data comes, so that nothing jumps. */
export interface Loaded<T> {
  readonly data: T | undefined
  readonly error: unknown
  readonly isLoading: boolean
}

/** Load data, and load it again when a key changes. */
export function useLoaded<T>(key: string, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({ data: undefined, error: undefined, isLoading: true })
  useEffect(() => {
    const stop = new AbortController()
    setState(({ data }) => ({ data, error: undefined, isLoading: true }))
    const take = async (): Promise<void> => {
      try {
        const data = await load(stop.signal)
        if (!stop.signal.aborted) setState({ data, error: undefined, isLoading: false })
      } catch (error) {
        // What failed is of another address than the last data: beside each other they would mislead.
        if (!stop.signal.aborted) setState({ data: undefined, error, isLoading: false })
      }
    }
    void take()
    return () => stop.abort()
  }, [key])
  return state
}

/** Keys of a view, by the key or by `Shift+` and the key. */
export type Keys = Readonly<Record<string, (event: KeyboardEvent) => void>>

/** Act on keys that are pressed outside of fields. */
export function useKeys(keys: Keys): void {
  const current = useRef(keys)
  current.current = keys
  useEffect(() => {
    const listener = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
      const target = event.target as HTMLElement
      if (target.closest('input, textarea, select, dialog') !== null) return
      // A focused button or link has a use of its own for these.
      if ((event.key === 'Enter' || event.key === ' ') && target.closest('a, button, summary') !== null)
        return
      const act = current.current[event.key]
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
