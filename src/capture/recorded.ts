/** How what a capture finds differs from what a record of any version holds of it. */

/**
 * What a record holds of findings `T`. The fields `K` count for the digest, where one that is missing is `null`; of the
 * others, older versions of lineaprint did not record all, and one that is missing is left out.
 */
export type Recorded<T, K extends keyof T = never> = {
  readonly [P in K]: T[P] | null
} & { readonly [P in Exclude<keyof T, K>]?: T[P] }
