/** The focus of the keyboard: where it goes when what had it is gone. Without that, it would be nowhere. */

/** Attribute of what gets the focus in a view that was just opened. */
const ARRIVAL = '[data-arrival]'

/** Give the focus to the part of the view that is read first, or to the view until that is there. */
export function arrive(): void {
  const view = document.querySelector('main')
  const target = view?.querySelector<HTMLElement>(ARRIVAL) ?? view
  target?.focus({ preventScroll: true })
}

/** Keep the focus in the view: what is taken out of the page passes it on. */
export function keepFocus(root: HTMLElement): void {
  let last: Node | undefined
  root.addEventListener('focusin', ({ target }) => {
    if (target instanceof Node) last = target
  })
  root.addEventListener('focusout', ({ target, relatedTarget }) => {
    if (relatedTarget !== null) return
    // Somebody who clicks beside everything wants no focus.
    queueMicrotask(() => {
      if (target === last && last?.isConnected === true) last = undefined
    })
  })
  new MutationObserver(() => {
    const { activeElement } = document
    const isGone = last?.isConnected === false && activeElement === document.body
    const isWaiting = activeElement?.localName === 'main' && activeElement.querySelector(ARRIVAL) !== null
    if (isGone || isWaiting) arrive()
  }).observe(root, { childList: true, subtree: true })
}
