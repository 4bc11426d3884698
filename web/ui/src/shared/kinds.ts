// Kinds of change in words; what it is about follows, where that is one thing.
const words: Record<string, string> = {
  'config.put': 'applied a document', 'object.put': 'changed', 'object.delete': 'deleted', 'zone.put': 'imported', 'zone.edit': 'edited records of', 'zone.delete': 'deleted',
  'control.put': 'put a control on', 'control.delete': 'lifted a control of', 'control.expire': 'controls came to their end', 'revision.rollback': 'rolled back', 'batch': 'changed',
  'draft.put': 'wrote the draft', 'draft.review': 'reviewed the draft', 'draft.publish': 'published the draft', 'draft.close': 'withdrew the draft',
  'canary.start': 'began a canary of', 'canary.end': 'ended the canary of',
  'drill.start': 'started the drill', 'drill.step': 'went a step on in the drill', 'drill.result': 'noted what came of a step of the drill', 'drill.approve': 'approved the drill', 'drill.abort': 'aborted the drill',
  'drill.schedule': 'scheduled the next run of', 'report.put': 'wrote the report of', 'switch.put': 'threw the switch', 'switch.delete': 'deleted the switch',
  'user.put': 'made', 'user.update': 'changed', 'user.delete': 'deleted', 'token.put': 'made', 'token.delete': 'revoked', 'secret.put': 'set the secret', 'secret.delete': 'deleted the secret', 'oidc.put': 'changed sign-on',
  'member.put': 'took in', 'member.delete': 'removed', 'verdict.resume': 'resumed', 'signal.put': 'signalled for', 'signal.delete': 'ended the signal for', 'feature.raise': 'raised the feature level', 'cluster.init': 'began the cluster',
}

/** What a change did, in words: "edited records of", for "zone.edit". One that is not known is told as the API has it. */
export const did = (kind: string): string => words[kind] ?? kind
