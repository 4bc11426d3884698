import type { components } from './schema.gen'

export type Problem = components['schemas']['Problem']

/** A call that was refused, or that got no answer. */
export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
    this.name = 'Refusal'
  }
}

/** The problem in an answer, or one made of its status when it has none. */
export function readProblem(body: unknown, response: Response): Problem {
  if (body && typeof body === 'object' && 'kind' in body && 'detail' in body) return body as Problem
  return {
    type: 'about:blank', title: response.statusText || 'Refused', status: response.status, kind: 'unknown',
    detail: `The node answered ${response.status} ${response.statusText}.`,
  }
}

/** What went wrong, as a problem, whatever was thrown. */
export function problemOf(err: unknown): Problem {
  if (err instanceof Refusal) return err.problem
  return { type: 'about:blank', title: 'A mistake in this page', status: 0, kind: 'internal', detail: err instanceof Error ? err.message : String(err) }
}
