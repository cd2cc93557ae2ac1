/**
 * A network with one hidden layer, trained by gradient descent: small enough to read, and able to learn.
 * Parameters are flat arrays in C order, as in the file.
 */
import type { Generator } from 'lineaprint'

/** The parameters, by their names in the file. */
export interface Network {
  /** [hidden, inputs] */
  readonly 'hidden.weight': Float32Array
  /** [hidden] */
  readonly 'hidden.bias': Float32Array
  /** [classes, hidden] */
  readonly 'output.weight': Float32Array
  /** [classes] */
  readonly 'output.bias': Float32Array
}

/** One flower: four lengths in cm, scaled to mean 0 and deviation 1, and its species as 0, 1 or 2. */
export interface Sample {
  readonly features: Float32Array
  readonly label: number
}

/** Number of neurons of each layer. */
export const SIZES = { inputs: 4, hidden: 16, classes: 3 } as const

/** Create a network with small random weights. */
export function createNetwork(generator: Generator): Network {
  const { inputs, hidden, classes } = SIZES
  const random = (length: number, fan: number): Float32Array =>
    Float32Array.from({ length }, () => generator.normal() / Math.sqrt(fan))
  return {
    'hidden.weight': random(hidden * inputs, inputs),
    'hidden.bias': new Float32Array(hidden),
    'output.weight': random(classes * hidden, hidden),
    'output.bias': new Float32Array(classes),
  }
}

/** Compute the hidden layer and the probability of each class for one sample. */
export function predict(
  network: Network,
  features: Float32Array,
): { hidden: Float32Array; probabilities: Float32Array } {
  const hidden = affine(network['hidden.weight'], network['hidden.bias'], features).map(Math.tanh)
  const logits = affine(network['output.weight'], network['output.bias'], hidden)
  const largest = Math.max(...logits)
  const exponentials = logits.map((logit) => Math.exp(logit - largest))
  const sum = exponentials.reduce((total, value) => total + value, 0)
  return { hidden, probabilities: exponentials.map((value) => value / sum) }
}

/** Do one step of gradient descent on one sample. Return the loss (cross entropy, in nats) before the step. */
export function learn(network: Network, { features, label }: Sample, rate: number): number {
  const { hidden, probabilities } = predict(network, features)
  const loss = -Math.log(probabilities[label] ?? 0)
  const outputError = probabilities.map((probability, index) => probability - (index === label ? 1 : 0))
  const hiddenError = hidden.map((value, neuron) => {
    const back = outputError.reduce((sum, error, index) => {
      return sum + error * at(network['output.weight'], index * SIZES.hidden + neuron)
    }, 0)
    return back * (1 - value * value)
  })
  descend(network['output.weight'], network['output.bias'], outputError, hidden, rate)
  descend(network['hidden.weight'], network['hidden.bias'], hiddenError, features, rate)
  return loss
}

/** Return the share of samples whose most probable class is correct. */
export function accuracy(network: Network, samples: readonly Sample[]): number {
  const right = samples.filter(({ features, label }) => {
    const { probabilities } = predict(network, features)
    return probabilities.indexOf(Math.max(...probabilities)) === label
  })
  return right.length / samples.length
}

function affine(weight: Float32Array, bias: Float32Array, input: Float32Array): Float32Array {
  return bias.map((start, row) => {
    return input.reduce((sum, value, column) => sum + value * at(weight, row * input.length + column), start)
  })
}

function descend(
  weight: Float32Array,
  bias: Float32Array,
  error: Float32Array,
  input: Float32Array,
  rate: number,
): void {
  error.forEach((slope, row) => {
    bias[row] = at(bias, row) - rate * slope
    input.forEach((value, column) => {
      const index = row * input.length + column
      weight[index] = at(weight, index) - rate * slope * value
    })
  })
}

function at(array: Float32Array, index: number): number {
  return array[index] ?? 0
}
