/** The OpenAPI document of the API, made from the schemas that the code uses. */
import { z } from 'zod/mini'
import { VERSION } from '../core/version.ts'
import { errorSchema } from './api/schemas.ts'
import type { Answer, Route } from './routes.ts'

/** An address as the document describes it. */
export type Described = Omit<Route, 'handle'>

/** Return the document: OpenAPI 3.1, whose schemas are JSON Schema 2020-12. */
export function openApiDocument(all: readonly Described[]): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of all) (paths[`/api/v1${route.path}`] ??= {})[route.method] = operation(route)
  return {
    openapi: '3.1.0',
    info: { title: 'lineaprint', version: VERSION, license: { name: 'MIT', identifier: 'MIT' } },
    components: { securitySchemes: { session: { type: 'http', scheme: 'bearer' } } },
    paths,
  }
}

function operation({
  method,
  path,
  summary,
  parameters,
  body,
  takesBytes,
  answer,
  isOpen,
}: Described): object {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
  const inQuery = Object.entries(parameters).map(([name, { description, isRequired, schema }]) => ({
    name,
    in: 'query',
    required: isRequired,
    description,
    schema,
  }))
  return {
    operationId: `${method}${path.replace(/[{}]/g, '').replaceAll(/\/(\w)/g, (_, letter: string) => letter.toUpperCase())}`,
    summary,
    security: isOpen ? [] : [{ session: [] }],
    parameters: [...inPath, ...inQuery],
    ...(body !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(body) } } },
    }),
    ...(takesBytes === true && {
      requestBody: { required: true, content: { [MEDIA.file]: { schema: BYTES } } },
    }),
    responses: {
      200: { description: summary, content: contentOf(answer) },
      default: {
        description: 'A failure: what, where, expected, received, and what to do',
        content: { 'application/json': { schema: jsonSchema(errorSchema()) } },
      },
    },
  }
}

const MEDIA: Readonly<Record<Answer['kind'], string>> = {
  json: 'application/json',
  lines: 'application/jsonl',
  events: 'text/event-stream',
  file: 'application/octet-stream',
  columns: 'application/vnd.lineaprint.columns',
}

const BYTES = { type: 'string', format: 'binary' } as const

/** Return the media type of an answer. */
export function mediaType({ kind }: Pick<Answer, 'kind'>): string {
  return MEDIA[kind]
}

function contentOf(answer: Answer): object {
  if (answer.kind === 'file') return { [mediaType(answer)]: { schema: BYTES } }
  const schema = jsonSchema(answer.schema())
  // Of a stream, the schema is that of one item; of columns, that of the head.
  return {
    [mediaType(answer)]:
      answer.kind === 'json' ? { schema } : { schema: { type: 'string' }, 'x-item-schema': schema },
  }
}

function jsonSchema(schema: z.ZodMiniType): object {
  return z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' })
}
