/** Judgement of reads of a changing file: is the result something that the file held during the read? */

/**
 * A content of the file, from before the call that made it until after the call that ended it; in
 * nanoseconds.
 */
export interface State {
  /** Hexadecimal digest; null while no file had that name. */
  readonly digest: string | null
  readonly from: number
  until: number
}

/** One read: its start, its end, and its result. */
export interface Attempt {
  readonly from: number
  readonly until: number
  /** A digest, or the code of an error. */
  readonly result: string
}

/** The verdict on a read. */
export type Judgement = 'whole' | 'refused' | 'absent' | 'mixed' | 'outdated' | 'false alarm'

/** Judge one read by the log of the writer, whose states follow each other in time. */
export function judge(attempt: Attempt, states: readonly State[]): Judgement {
  const { result } = attempt
  const during = statesDuring(attempt, states)
  if (result === 'ERR_LINEAPRINT_CHANGED') return during.length > 1 ? 'refused' : 'false alarm'
  if (result === 'ERR_LINEAPRINT_NOT_FOUND')
    return during.some(({ digest }) => digest === null) ? 'absent' : 'false alarm'
  if (during.some(({ digest }) => digest === result)) return 'whole'
  return states.some(({ digest }) => digest === result) ? 'outdated' : 'mixed'
}

/** Check whether the file changed while it was read. */
export function changedDuring(attempt: Attempt, states: readonly State[]): boolean {
  return statesDuring(attempt, states).length > 1
}

function statesDuring({ from, until }: Attempt, states: readonly State[]): readonly State[] {
  // Binary search: there are tens of thousands of both.
  let [low, high] = [0, states.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((states[middle]?.until ?? 0) < from) low = middle + 1
    else high = middle
  }
  let end = low
  while ((states[end]?.from ?? Infinity) <= until) end++
  return states.slice(low, end)
}
