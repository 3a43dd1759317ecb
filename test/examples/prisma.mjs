// Prisma, without a native engine: create, findMany, cancel. DATABASE_URL says where, and as whom.
//   npx prisma generate      once (where Prisma's own downloads are not reachable: PRISMA_SCHEMA_ENGINE_BINARY=/bin/true)
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '@prisma/client'

const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: process.env.DATABASE_URL }) })

async function finished(id, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const row = await prisma.executions.findUnique({ where: { id } })
    if (row.finished_at) return row
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  throw new Error(`not finished: ${id}`)
}

const created = await prisma.executions.create({
  data: { user_id: 'u-42', agent: 'momentum', input: { symbol: 'ETH', prices: [2510.0, 2531.5, 2544.1] } },
})
const done = await finished(created.id)
console.log(done.status, JSON.stringify(done.output))

const later = await prisma.executions.create({
  data: { user_id: 'u-42', agent: 'momentum', input: {}, name: 'later', not_before: new Date(Date.now() + 3600_000) },
})
await prisma.executions.update({ where: { id: later.id }, data: { cancel_requested: true } })
const cancelled = await finished(later.id)
console.log(cancelled.status, cancelled.reason)

const rows = await prisma.executions.findMany({ where: { user_id: 'u-42', name: 'later' }, select: { name: true } })
console.log(rows.map((row) => row.name).join(' '))
await prisma.$disconnect()
