// Groups with kafkajs: `node groups.js BOOTSTRAP`. A member, a second one, a leaver, a restart; each record is read once.
'use strict'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const assert = require('node:assert')
const crypto = require('node:crypto')
const { Kafka, logLevel } = require('kafkajs')

const PARTITIONS = 3
const EACH = 20
const PATIENCE = 30000

const kafka = new Kafka({ brokers: [process.argv[2]], clientId: 'kafkajs', logLevel: logLevel.NOTHING })
const topic = `kafkajs-groups-${crypto.randomBytes(4).toString('hex')}`
const group = `${topic}-group`
const members = []
const seen = []
let batches = 0
let passed = 0
let failed = 0

async function join() {
  const consumer = kafka.consumer({ groupId: group, sessionTimeout: 10000, heartbeatInterval: 300, rebalanceTimeout: 10000 })
  const member = { consumer, has: [] }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { member.has = payload.memberAssignment[topic] || [] })
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ autoCommit: false, eachMessage: async ({ partition, message }) => { seen.push([partition, Number(message.offset), member]) } })
  members.push(member)
}

async function until(reached, what) {
  const deadline = Date.now() + PATIENCE
  while (!reached()) {
    assert(Date.now() < deadline, `not reached: ${what()}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

const shared = () => until(
  () => members.every(m => m.has.length > 0) && members.flatMap(m => m.has).sort().join() === '0,1,2',
  () => JSON.stringify(members.map(m => m.has)))

// Produces records, has each read once and nothing else, and commits.
async function batch() {
  const producer = kafka.producer()
  await producer.connect()
  const messages = Array.from({ length: PARTITIONS * EACH }, (_, i) => ({ partition: i % PARTITIONS, value: `value ${i}` }))
  await producer.send({ topic, acks: -1, messages })
  await producer.disconnect()
  await until(() => seen.length >= PARTITIONS * EACH, () => `${seen.length} records`)
  await new Promise(resolve => setTimeout(resolve, 200))
  const read = seen.splice(0)
  const expected = Array.from({ length: PARTITIONS * EACH }, (_, i) => [Math.floor(i / EACH), batches * EACH + (i % EACH)])
  const sorted = read.map(([partition, offset]) => [partition, offset]).sort((a, b) => a[0] - b[0] || a[1] - b[1])
  assert.deepStrictEqual(sorted, expected)
  batches++
  for (const member of members) {
    const offsets = member.has.map(partition => ({ topic, partition, offset: String(batches * EACH) }))
    await member.consumer.commitOffsets(offsets)
  }
}

async function committed() {
  const admin = kafka.admin()
  await admin.connect()
  const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  await admin.disconnect()
  return found.partitions.map(p => Number(p.offset))
}

async function check(what, step) {
  try {
    await step()
    passed++
    console.log(`ok   kafkajs-groups: ${what}`)
  } catch (failure) {
    failed++
    console.log(`FAIL kafkajs-groups: ${what}: ${failure.message}`)
  }
}

async function main() {
  await check('a member reads everything and commits', async () => {
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }] })
    await admin.disconnect()
    await join()
    await shared()
    await batch()
  })
  await check('a second member takes its part of the partitions', async () => {
    await join()
    await shared()
    await batch()
  })
  await check('a member that leaves gives its partitions back', async () => {
    await members.pop().consumer.disconnect()
    await shared()
    await batch()
    await members.pop().consumer.disconnect()
  })
  await check('a group that comes back goes on where it committed', async () => {
    assert.deepStrictEqual(await committed(), Array(PARTITIONS).fill(batches * EACH))
    await join()
    await shared()
    await batch()
  })
  await check('a member seeks', async () => {
    const [member] = members
    member.consumer.seek({ topic, partition: 1, offset: '7' })
    await until(() => seen.length >= batches * EACH - 7, () => `${seen.length} records`)
    assert.deepStrictEqual(seen.map(([partition, offset]) => [partition, offset]),
      Array.from({ length: batches * EACH - 7 }, (_, i) => [1, 7 + i]))
    await members.pop().consumer.disconnect()
  })
  console.log(`kafkajs-groups: ${passed} passed, ${failed} failed`)
  process.exit(failed || !passed ? 1 : 0)
}

main()
