// node-postgres: insert, wait by LISTEN, read. DATABASE_URL says where, and as whom.
import pg from 'pg'

const db = new pg.Client({ connectionString: process.env.DATABASE_URL })
await db.connect()

// The notification is a hint without an id, and may be lost: the row is the truth, and asked every second anyway.
const hint = () =>
  new Promise((resolve) => {
    const timer = setTimeout(resolve, 1000)
    db.once('notification', () => (clearTimeout(timer), resolve()))
  })

async function finished(id, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const hinted = hint() // before the look, so that no end falls between the two
    const { rows } = await db.query(
      'SELECT status, reason, output FROM slipway.executions WHERE id = $1 AND finished_at IS NOT NULL', [id])
    if (rows.length) return rows[0]
    await hinted
  }
  throw new Error(`not finished: ${id}`)
}

await db.query('LISTEN slipway_finished')
const { rows: [{ id }] } = await db.query(
  'INSERT INTO slipway.executions (user_id, agent, input) VALUES ($1, $2, $3) RETURNING id',
  ['u-42', 'momentum', { symbol: 'ETH', prices: [2510.0, 2531.5, 2544.1] }])
const { status, output } = await finished(id)
console.log(status, JSON.stringify(output))
await db.end()
