/** Whether the server of the page answers. If it does not, the page says so once, and loads again when it does. */
import { useEffect, useState } from 'preact/hooks'

/** What is known of the server. */
export interface Connection {
  readonly isLost: boolean
  /** How often it answered again. What was loaded before may be old. */
  readonly returns: number
}

let connection: Connection = { isLost: false, returns: 0 }

const listeners = new Set<() => void>()

/** Note that the server answered, or that it did not. */
export function noteAnswer(isAnswered: boolean): void {
  const { isLost, returns } = connection
  if (isAnswered !== isLost) return
  connection = { isLost: !isAnswered, returns: isAnswered ? returns + 1 : returns }
  for (const listener of listeners) listener()
}

/** Return what is known of the server, and render again when it changes. */
export function useConnection(): Connection {
  const [, setConnection] = useState(connection)
  useEffect(() => {
    const listener = (): void => setConnection(connection)
    listener()
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }, [])
  return connection
}
