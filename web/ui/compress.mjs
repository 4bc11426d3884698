// Puts a Brotli and a gzip copy beside each built file, so that a node compresses nothing.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const dir = new URL('dist/assets/', import.meta.url).pathname
for (const name of readdirSync(dir)) {
  if (/\.(br|gz|png|woff2)$/.test(name)) continue
  const plain = readFileSync(join(dir, name))
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length }
  writeFileSync(join(dir, name + '.br'), brotliCompressSync(plain, { params }))
  writeFileSync(join(dir, name + '.gz'), gzipSync(plain, { level: 9 }))
}
