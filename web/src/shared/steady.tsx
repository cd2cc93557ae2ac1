/** A part of a view that grows while somebody reads. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ComponentChildren } from 'preact'

interface SteadyProps {
  /** True if more can come; what the first value was counts. */
  readonly isLive: boolean
  /** Pixels that are kept for what is to come. */
  readonly least?: number
  readonly children: ComponentChildren
}

/** Milliseconds after a key or click in which a part grows as it was told to. */
const TOLD = 600

/**
 * Content that keeps its height while what is below it is on the screen: it would move under the eyes of a reader. What came
 * since shows after a click, or as soon as nothing moves by it.
 */
export function Steady({ isLive, least = 0, children }: SteadyProps) {
  const [isSteady] = useState(isLive)
  const outer = useRef<HTMLDivElement>(null)
  const inner = useRef<HTMLDivElement>(null)
  const told = useRef(-Infinity)
  const [height, setHeight] = useState<number>()
  const [isMore, setMore] = useState(false)
  useLayoutEffect(() => {
    const [frame, content] = [outer.current, inner.current]
    if (frame === null || content === null) return undefined
    let [own, width] = [0, content.offsetWidth]
    const fit = (): void => {
      const wanted = Math.max(content.offsetHeight, own, least)
      const { bottom } = frame.getBoundingClientRect()
      const isSeen = own > 0 && bottom > 0 && bottom < innerHeight
      const isTold = performance.now() - told.current < TOLD || content.offsetWidth !== width
      if (content.offsetWidth !== width) own = 0
      width = content.offsetWidth
      const isKept = isSeen && !isTold
      setMore(isKept && wanted > own)
      if (isKept) return
      own = Math.max(content.offsetHeight, own, least)
      setHeight(own)
    }
    const tell = (): void => {
      told.current = performance.now()
      // What a click opens is laid out after it.
      requestAnimationFrame(fit)
    }
    fit()
    const observer = new ResizeObserver(fit)
    observer.observe(content)
    frame.addEventListener('click', tell)
    frame.addEventListener('focusin', tell)
    addEventListener('scroll', fit, { passive: true })
    return () => {
      observer.disconnect()
      removeEventListener('scroll', fit)
    }
  }, [])
  if (!isSteady) return <>{children}</>
  return (
    <div class="steady" ref={outer} style={height === undefined ? {} : { height: `${height}px` }}>
      <div ref={inner}>{children}</div>
      {isMore && (
        // The click is heard by the frame, which then has the height of its content.
        <button type="button" class="button steady-more">
          Show what came since
        </button>
      )}
    </div>
  )
}
