/**
 * A derivation as an in-toto Statement (v1): how each tensor of a model follows from those of another. It is not signed; the
 * signer uses it, for example, as the payload of a DSSE envelope.
 */
import { digestSet } from './written-digests.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkArray, checkObject } from '../core/options.ts'
import { VERSION } from '../core/version.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { Digest } from '../core/digest.ts'
import type { DerivationSide, DerivedTensor, ModelDerivation } from '../model/derivation/report.ts'

/** The type of the predicate; `docs/derivation.md` describes its fields. */
export const DERIVATION_PREDICATE = 'urn:lineaprint:derivation:v1'

/**
 * Build an in-toto statement of a derivation. Its subjects are the weights files of the second model; those of the first
 * are in the predicate.
 *
 * @param derivation Made with `files`, so that the digests of the files are known.
 */
export function derivationStatement(derivation: ModelDerivation): JsonObject {
  checkObject(derivation, 'derivation')
  const { before, after, adapter, tensors, explained, counts, unused, dropped } = derivation
  checkArray(tensors, 'derivation.tensors')
  if (!derivation.digests) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the derivation was made without digests', {
      field: 'derivation.digests',
      hint: 'make it with the option `files`',
    })
  }
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: filesOf(after),
    predicateType: DERIVATION_PREDICATE,
    predicate: {
      lineaprint: VERSION,
      explained,
      counts,
      before: sideOf(before),
      after: sideOf(after),
      ...(adapter && { adapter: sideOf(adapter) }),
      tensors: tensors.map(
        ({ verdict, sources, rule, map, alternatives, bound, different, findings, ...tensor }) => ({
          ...tensorOf(tensor),
          verdict,
          sources: sources.map(tensorOf),
          rule,
          ...(map !== undefined && { map }),
          ...(alternatives && { alternatives }),
          ...(bound !== undefined && { bound }),
          ...(different && { different }),
          ...(findings.length > 0 && { findings }),
        }),
      ),
      unused: unused.map(tensorOf),
      dropped,
    },
  }
  return JSON.parse(JSON.stringify(statement)) as JsonObject
}

function sideOf(side: DerivationSide): object {
  return { ...(side.weights && { weights: setOf(side.weights) }), files: filesOf(side) }
}

function filesOf({ files }: DerivationSide): object[] {
  return files.map(({ name, digests = {} }) => ({
    name,
    digest: Object.assign({}, ...Object.values(digests).map(setOf)) as object,
  }))
}

function tensorOf({ name, dtype, shape, digest }: DerivedTensor): object {
  return { name, dtype, shape, ...(digest && { digest: setOf(digest) }) }
}

function setOf(digest: Digest): Readonly<Record<string, string>> {
  return digestSet(digest.toString())
}
