const plain = /^[A-Za-z_][\w./@-]*$/
const taken = /^(true|false|null|yes|no|on|off|y|n|nan|inf)$/i // what a reader of YAML takes for something else

const scalar = (v: unknown): string => (typeof v === 'string' ? (plain.test(v) && !taken.test(v) ? v : JSON.stringify(v)) : JSON.stringify(v))
const bare = (v: unknown) => v === null || typeof v !== 'object' || Object.keys(v).length === 0

function lines(v: unknown): string[] {
  if (bare(v)) return [scalar(v)]
  if (Array.isArray(v)) return v.flatMap((item: unknown) => lines(item).map((l, i) => (i === 0 ? '- ' : '  ') + l))
  return Object.entries(v as object).filter(([, item]) => item !== undefined).flatMap(([key, item]: [string, unknown]) => (bare(item) ? [`${scalar(key)}: ${scalar(item)}`] : [`${scalar(key)}:`, ...lines(item).map((l) => '  ' + l)]))
}

/** A value of the API as YAML: keys in their order, one to a line, and text quoted wherever it could be read as something else. */
export const yamlOf = (v: unknown) => lines(v).join('\n') + '\n'
