// What every Node client does: `node CLIENT BOOTSTRAP [groups|transactions|admin]`. A client is an object with these functions:
//
//   codecs                            names of the codecs it has
//   lateFetchMs                       how long a member may still read partitions that it has given up
//   ofNoOffset(end)                   what offsetAt returns behind the last record of a partition with this end
//   create(topic, partitions)
//   produce(topic, codec, records)    records carry their partition
//   read(topic, starts, count)        assigns {partition: offset}, seeks, returns records
//   offsetAt(topic, partition, time)  first offset with that time or a later one
//   join(group, topic, take)          a member of a group, which calls take(partition, offset) for each record; it has these:
//       assignment()                  the partitions that it has now
//       commit(offset)                commits this offset of all of them
//       seek(partition, offset)
//       close()                       leaves the group
//   committed(group, topic)           the committed offsets by partition, as numbers
//   transact({id, source, topic, group, values, isCommitted})   one transaction for each of the arrays of values: it writes them,
//                                     and the offset after the record of the same number of partition 0 of the source for the group
//   readCommitted(topic, count)       the values of partition 0
//   admin, an object with these:
//       topics(), groups()            names
//       partitionCount(topic)
//       setting(topic, name)
//       alter(topic, name, value)
//       addPartitions(topic, count)   makes them so many
//       deleteRecords(topic, partition, offset)     those before the offset
//       memberCount(group)            of a stable group, 0 of another one
//       deleteGroup(group), deleteTopic(topic)
'use strict'

const assert = require('node:assert')
const crypto = require('node:crypto')

const PARTITIONS = 3
const COUNT = 60
const EACH = COUNT / PARTITIONS
const PATIENCE = 90000
const ROUNDS = 10

class Checks {
  constructor(name) {
    Object.assign(this, { name, passed: 0, failed: 0 })
  }

  async check(what, step) {
    try {
      await step()
      this.passed++
      console.log(`ok   ${this.name}: ${what}`)
    } catch (failure) {
      this.failed++
      console.log(`FAIL ${this.name}: ${what}: ${String(failure.stack).slice(0, 2000)}`)
    }
  }

  finish() {
    console.log(`${this.name}: ${this.passed} passed, ${this.failed} failed`)
    process.exit(this.failed || !this.passed ? 1 : 0)
  }
}

function main(name, client) {
  const part = { undefined: roundTrip, groups, transactions, admin }[process.argv[3]]
  part(name, client, `${name.replace(/[^a-z]/g, '')}-${crypto.randomBytes(4).toString('hex')}`)
}

// Keys and no keys, null values, headers that repeat or are empty, one record of 900 KB, a second between neighbours.
function records() {
  const began = Date.now() - 3600000
  const repeated = [['empty', Buffer.alloc(0)], ['twice', Buffer.from('a')], ['twice', Buffer.from([0xff, 0])]]
  const headers = [[], [['one', Buffer.from('header')]], repeated]
  return Array.from({ length: COUNT }, (_, i) => ({
    partition: i % PARTITIONS,
    offset: Math.floor(i / PARTITIONS),
    key: i % 5 === 4 ? null : Buffer.from(`key ${i}`),
    value: i === 10 ? crypto.randomBytes(900000)
      : i % 7 === 6 && i % 5 !== 4 ? null : Buffer.from(`value ${i} `.repeat(i + 1)),
    headers: headers[(i % 4) % 3],
    time: began + i * 1000,
  }))
}

async function roundTrip(name, client, unique) {
  const checks = new Checks(name)
  for (const codec of client.codecs) {
    const topic = `${unique}-${codec}`
    const sent = records()
    await checks.check(`${codec}: create a topic with ${PARTITIONS} partitions`, () => client.create(topic, PARTITIONS))
    await checks.check(`${codec}: produce ${COUNT} records`, () => client.produce(topic, codec, sent))
    await checks.check(`${codec}: read by assignment from the beginning`, () => compare(client, topic, sent, { 0: 0, 1: 0, 2: 0 }))
    await checks.check(`${codec}: read from an offset`, () => compare(client, topic, sent, { 1: 12 }))
    await checks.check(`${codec}: read from a timestamp`, () => fromTimestamp(client, topic, sent))
  }
  checks.finish()
}

async function compare(client, topic, sent, starts) {
  const expected = sent.filter(r => r.partition in starts && r.offset >= starts[r.partition])
  const seen = await client.read(topic, starts, expected.length)
  for (const partition of Object.keys(starts).map(Number)) {
    const [ours, theirs] = [expected, seen].map(all => all.filter(r => r.partition === partition))
    assert.strictEqual(theirs.length, ours.length, `partition ${partition}: records`)
    theirs.forEach((record, i) => assert.deepStrictEqual(record, ours[i]))
  }
}

async function fromTimestamp(client, topic, sent) {
  const ours = sent.filter(r => r.partition === 2)
  assert.strictEqual(await client.offsetAt(topic, 2, ours[7].time - 500), 7)
  assert.strictEqual(await client.offsetAt(topic, 2, ours[7].time), 7)
  assert.strictEqual(await client.offsetAt(topic, 2, ours.at(-1).time + 1), client.ofNoOffset(ours.length))
  await compare(client, topic, sent, { 2: 7 })
}

// A member, a second one, a leaver, a restart; each record is read once.
async function groups(name, client, unique) {
  const [topic, group] = [`${unique}-groups`, `${unique}-group`]
  const members = []
  const seen = []
  let batches = 0

  const join = async () => members.push(await client.join(group, topic, (partition, offset) => seen.push([partition, offset])))
  const leave = () => members.pop().close()
  const shared = async () => {
    await until(
      () => members.every(m => m.assignment().length > 0) && members.flatMap(m => m.assignment()).sort().join() === '0,1,2',
      () => JSON.stringify(members.map(m => m.assignment())))
    await new Promise(resolve => setTimeout(resolve, client.lateFetchMs))
  }
  // Produces records, has each read once and nothing else, and commits.
  const batch = async () => {
    await client.produce(topic, 'none', records())
    await until(() => seen.length >= COUNT, () => `${seen.length} records`)
    await new Promise(resolve => setTimeout(resolve, 200))
    const expected = Array.from({ length: COUNT }, (_, i) => [Math.floor(i / EACH), batches * EACH + (i % EACH)])
    assert.deepStrictEqual(seen.splice(0).sort((a, b) => a[0] - b[0] || a[1] - b[1]), expected)
    batches++
    for (const member of members) await member.commit(batches * EACH)
  }

  const checks = new Checks(`${name}-groups`)
  await checks.check('a member reads everything and commits', async () => {
    await client.create(topic, PARTITIONS)
    await join()
    await shared()
    await batch()
  })
  await checks.check('a second member takes its part of the partitions', async () => {
    await join()
    await shared()
    await batch()
  })
  await checks.check('a member that leaves gives its partitions back', async () => {
    await leave()
    await shared()
    await batch()
    await leave()
  })
  await checks.check('a group that comes back goes on where it committed', async () => {
    assert.deepStrictEqual(await client.committed(group, topic), Array(PARTITIONS).fill(batches * EACH))
    await join()
    await shared()
    await batch()
  })
  await checks.check('a member seeks', async () => {
    await members[0].seek(1, 7)
    const count = batches * EACH - 7
    await until(() => seen.length >= count, () => `${seen.length} records`)
    assert.deepStrictEqual(seen, Array.from({ length: count }, (_, i) => [1, 7 + i]))
    await leave()
  })
  checks.finish()
}

async function until(reached, what) {
  const deadline = Date.now() + PATIENCE
  while (!reached()) {
    assert(Date.now() < deadline, `not reached: ${what()}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

// Ten transactions, every third one aborted, with the offsets of a group.
async function transactions(name, client, unique) {
  const [source, topic, group] = ['source', 'transactions', 'group'].map(what => `${unique}-${what}`)
  const isCommitted = number => number % 3 !== 2
  const values = Array.from({ length: ROUNDS }, (_, number) => [`${number}-0`, `${number}-1`])
  const checks = new Checks(`${name}-transactions`)
  await checks.check('ten transactions, every third aborted', async () => {
    await client.create(source, 1)
    await client.create(topic, 1)
    const record = { partition: 0, key: null, value: Buffer.from('source'), headers: [], time: Date.now() }
    await client.produce(source, 'none', Array(ROUNDS).fill(record))
    await client.transact({ id: `${unique}-id`, source, topic, group, values, isCommitted })
  })
  await checks.check('the offset of the last committed one is committed', async () => {
    let offsets
    const deadline = Date.now() + PATIENCE // its marker follows after a moment
    do {
      offsets = await client.committed(group, source)
    } while (offsets[0] !== ROUNDS && Date.now() < deadline)
    assert.deepStrictEqual(offsets, [ROUNDS])
  })
  await checks.check('only what was committed is read', async () => {
    const wanted = values.filter((_, number) => isCommitted(number)).flat()
    assert.deepStrictEqual(await client.readCommitted(topic, wanted.length), wanted)
  })
  checks.finish()
}

// Topics, their settings and records, and groups. What was acknowledged may be seen a moment later.
async function admin(name, client, unique) {
  const [topic, group] = [`${unique}-admin`, `${unique}-group`]
  const admin = client.admin
  const checks = new Checks(`${name}-admin`)
  await checks.check('a topic is listed and described', async () => {
    await client.create(topic, PARTITIONS)
    await becomes(true, async () => (await admin.topics()).includes(topic))
    await becomes(PARTITIONS, () => admin.partitionCount(topic))
  })
  await checks.check('its configuration is altered and described', async () => {
    await admin.alter(topic, 'retention.ms', '654321')
    await becomes('654321', () => admin.setting(topic, 'retention.ms'))
  })
  await checks.check('partitions are added', async () => {
    await admin.addPartitions(topic, 5)
    await becomes(5, () => admin.partitionCount(topic))
  })
  await checks.check('records are deleted', async () => {
    await client.produce(topic, 'none', records())
    await admin.deleteRecords(topic, 0, 5)
    await becomes(5, () => client.offsetAt(topic, 0, 0))
  })
  await checks.check('a group is listed and described', async () => {
    const member = await client.join(group, topic, () => {})
    await becomes(1, () => admin.memberCount(group))
    await becomes(true, async () => (await admin.groups()).includes(group))
    await member.close()
  })
  await checks.check('a group is deleted', async () => {
    await admin.deleteGroup(group)
    await becomes(false, async () => (await admin.groups()).includes(group))
  })
  await checks.check('the topic is deleted', async () => {
    await admin.deleteTopic(topic)
    await becomes(false, async () => (await admin.topics()).includes(topic))
  })
  checks.finish()
}

async function becomes(wanted, ask) {
  const deadline = Date.now() + PATIENCE
  for (;;) {
    const found = await Promise.resolve(ask()).catch(failure => failure)
    if (found === wanted) return
    assert(Date.now() < deadline, `${found} instead of ${wanted}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

module.exports = { main, PATIENCE }
