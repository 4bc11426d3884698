/** Tries again until it works; says at last why it did not. */
export async function until(what, try1, limit = 20_000) {
  const end = Date.now() + limit
  for (;;) {
    try {
      return await try1()
    } catch (err) {
      if (err.fatal || Date.now() > end) throw new Error(`${what}: not within ${limit / 1000} s: ${err.message}`, { cause: err })
    }
    await new Promise((r) => setTimeout(r, 150)) // the pace; the limit decides
  }
}
