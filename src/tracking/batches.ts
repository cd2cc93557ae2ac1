/** Loaders whose passes are recorded, without changing what the program gets. */
import { checkChoice, checkKnown } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkName } from '../json/copy.ts'
import { reasonOf } from '../record/failure.ts'
import { SampleOrder, isKept } from './sample-order.ts'
import type { Recorder } from './recorder.ts'
import type { SampleMode } from './sample-order.ts'

/** Something that gives batches. */
export type BatchLoader<T> = Iterable<T> | AsyncIterable<T>

/** Options of `trackBatches`. */
export interface BatchOptions<T> {
  /** Return the indexes of the samples of a batch, which are recorded in place of their content. @default content */
  readonly index?: ((batch: T) => readonly (number | bigint)[]) | undefined
  /**
   * Elements of lists: `rows` if they are columns with a row for each sample, `items` if they are samples. @default told by
   * their forms; lists of arrays of one form count as a whole
   */
  readonly samples?: SampleMode | undefined
}

/** Number of epochs that began, by the name of their batches. */
export type Epochs = Map<string, number>

/**
 * Return the loader with each pass recorded.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for a loader that is not iterable, and for other wrong arguments.
 */
export function recordBatches<T, L extends BatchLoader<T>>(
  recorder: Recorder,
  epochs: Epochs,
  loader: L,
  name: string,
  options: BatchOptions<T>,
): L {
  checkName(name, 'the name of batches')
  checkKnown(options, ['index', 'samples'])
  const { index, samples } = options
  const mode = samples === undefined ? undefined : checkChoice('samples', samples, ['rows', 'items'] as const)
  const begin = (): Pass<T> => new Pass(recorder, beginEpoch(epochs, name), index, mode)
  if (typeof loader === 'object' && loader !== null) {
    if (Symbol.asyncIterator in loader)
      return withMember<T, AsyncIterator<T>, L>(loader, Symbol.asyncIterator, begin, asyncPass)
    if (Symbol.iterator in loader) return withMember<T, Iterator<T>, L>(loader, Symbol.iterator, begin, pass)
  }
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a loader must be iterable', {
    field: 'loader',
    expected: 'an iterable or an async iterable',
    received: loader === null ? 'null' : typeof loader,
  })
}

function beginEpoch(epochs: Epochs, name: string): string {
  const epoch = epochs.get(name) ?? 0
  epochs.set(name, epoch + 1)
  return `${name}, epoch ${epoch}`
}

/** Return the loader with another iterator; everything else is that of the loader. */
function withMember<T, I, L extends object>(
  loader: L,
  member: symbol,
  begin: () => Pass<T>,
  wrap: (iterator: I, pass: Pass<T>) => I,
): L {
  if (isFixed(loader, member)) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a frozen loader cannot be recorded', {
      field: 'loader',
      hint: 'pass an iterable that calls it',
    })
  }
  return new Proxy(loader, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key, target)
      if (key === member) return () => wrap((value as () => I).call(target), begin())
      // Methods of classes with private fields work on the loader itself only.
      if (typeof value !== 'function' || isFixed(target, key)) return value
      return value.bind(target) as unknown
    },
  })
}

/** Check whether a property is one that JavaScript lets no proxy replace. */
function isFixed(target: object, key: string | symbol): boolean {
  const property = Object.getOwnPropertyDescriptor(target, key)
  return property !== undefined && property.configurable !== true && property.writable !== true
}

function asyncPass<T>(iterator: AsyncIterator<T>, recorded: Pass<T>): AsyncIterableIterator<T> {
  const wrapped: AsyncIterableIterator<T> = {
    [Symbol.asyncIterator]: () => wrapped,
    next: async (...given) => recorded.follow(await recorded.watch(iterator.next(...given))),
  }
  const end = iterator.return?.bind(iterator)
  const fail = iterator.throw?.bind(iterator)
  if (end !== undefined)
    wrapped.return = (value) => {
      recorded.end(false)
      return end(value)
    }
  if (fail !== undefined) wrapped.throw = fail
  return wrapped
}

function pass<T>(iterator: Iterator<T>, recorded: Pass<T>): IterableIterator<T> {
  const wrapped: IterableIterator<T> = {
    [Symbol.iterator]: () => wrapped,
    next: (...given) => {
      let result: IteratorResult<T>
      try {
        result = iterator.next(...given)
      } catch (error) {
        recorded.end(false)
        throw error
      }
      return recorded.follow(result)
    },
  }
  const end = iterator.return?.bind(iterator)
  const fail = iterator.throw?.bind(iterator)
  if (end !== undefined)
    wrapped.return = (value) => {
      recorded.end(false)
      return end(value)
    }
  if (fail !== undefined) wrapped.throw = fail
  return wrapped
}

/** One pass of a loader. A fault of ours in it is a warning of the run. */
class Pass<T> {
  readonly #recorder: Recorder
  readonly #label: string
  readonly #index: BatchOptions<T>['index']
  readonly #prefix: string
  #order: SampleOrder | undefined

  constructor(
    recorder: Recorder,
    label: string,
    index: BatchOptions<T>['index'],
    mode: SampleMode | undefined,
  ) {
    this.#recorder = recorder
    this.#label = label
    this.#index = index
    this.#prefix = index === undefined ? '' : 'index '
    this.#order = new SampleOrder(mode)
  }

  /** Record a result of the loader, and return it. */
  follow(result: IteratorResult<T>): IteratorResult<T> {
    if (result.done === true) this.end(true)
    else if (this.#order !== undefined) this.#attempt(this.#order, (order) => this.#take(order, result.value))
    return result
  }

  /** End the pass if a promise of the loader fails. Return that promise. */
  watch<R>(promise: Promise<R>): Promise<R> {
    promise.then(undefined, () => this.end(false))
    return promise
  }

  /** @param isWhole True if the loader gave all that it has. */
  end(isWhole: boolean): void {
    const order = this.#order
    this.#order = undefined
    if (order === undefined) return
    this.#attempt(order, () => {
      if (order.batches > 0 && !isKept(order.batches)) this.#log('order', order.order, order.batches)
      if (isWhole) this.#log(order.isSeparated ? 'samples' : 'batches', order.content, order.samples)
    })
  }

  #take(order: SampleOrder, batch: T): void {
    if (this.#index === undefined) order.add(batch)
    else order.addIndexes(Array.from(this.#index(batch)))
    if (isKept(order.batches)) this.#log('order', order.order, order.batches)
  }

  #log(what: string, digest: string, step: number): void {
    const name = `${this.#prefix}${what} of ${this.#label}`
    this.#recorder.logDigest(name, `sha256:${digest}`, { step }).catch((error: unknown) => this.#warn(error))
  }

  #attempt(order: SampleOrder, work: (order: SampleOrder) => void): void {
    try {
      work(order)
    } catch (error) {
      this.#order = undefined
      this.#warn(error)
    }
  }

  #warn(error: unknown): void {
    // A loop can go on after the end of the run, which records nothing more.
    if (this.#recorder.isRunning) this.#recorder.recordWarning(`trackBatches: ${reasonOf(error)}`)
  }
}
