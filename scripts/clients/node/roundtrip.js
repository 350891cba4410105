// The round trip with kafkajs: `node roundtrip.js BOOTSTRAP`.
// kafkajs can only consume as a group member, so the reading here uses its own cluster and broker objects, which is
// what its consumer does under the group: find the leader, fetch, decode, drop what lies before the offset.
'use strict'

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1'
const assert = require('node:assert')
const crypto = require('node:crypto')
const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = require('kafkajs')
const Batch = require('kafkajs/src/consumer/batch')
const lz4 = require('lz4-napi')
const snappy = require('snappyjs')
const zstd = require('@bokuweb/zstd-wasm')

const PARTITIONS = 3
const COUNT = 60
const ALL = [0, 1, 2].map(partition => ({ partition, offset: 0 }))

// kafkajs brings gzip and leaves the others to packages. Java's snappy framing is read, plain snappy is written.
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const unsnappy = buffer => {
  if (!buffer.subarray(0, 8).equals(XERIAL)) return Buffer.from(snappy.uncompress(buffer))
  const blocks = []
  for (let at = 16; at < buffer.length; ) {
    const size = buffer.readUInt32BE(at)
    blocks.push(Buffer.from(snappy.uncompress(buffer.subarray(at + 4, at + 4 + size))))
    at += 4 + size
  }
  return Buffer.concat(blocks)
}
const codec = (compress, decompress) => () => ({
  compress: async encoder => Buffer.from(compress(encoder.buffer)),
  decompress: async buffer => Buffer.from(decompress(buffer)),
})
CompressionCodecs[CompressionTypes.Snappy] = codec(snappy.compress, unsnappy)
CompressionCodecs[CompressionTypes.LZ4] = codec(lz4.compressFrameSync, lz4.decompressFrameSync)
CompressionCodecs[CompressionTypes.ZSTD] = codec(zstd.compress, zstd.decompress)
const CODECS = { none: 'None', gzip: 'GZIP', snappy: 'Snappy', lz4: 'LZ4', zstd: 'ZSTD' }

const kafka = new Kafka({ brokers: [process.argv[2]], clientId: 'kafkajs', logLevel: logLevel.ERROR })

function records() {
  const began = Date.now() - 3600000
  const headers = [{}, { one: 'header' }, { empty: '', twice: ['a', Buffer.from([0xff, 0])] }]
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

async function produce(topic, name, sent) {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  const messages = sent.map(r => ({ ...r, timestamp: String(r.time) }))
  await producer.send({ topic, acks: -1, compression: CompressionTypes[CODECS[name]], messages })
  await producer.disconnect()
}

async function create(topic) {
  const admin = kafka.admin()
  await admin.connect()
  assert(await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }] }), 'exists already')
  await admin.disconnect()
}

async function read(topic, starts, count) {
  const createCluster = Object.getOwnPropertySymbols(kafka).find(symbol => symbol.description === 'private:Kafka:createCluster')
  const cluster = kafka[createCluster]({ isolationLevel: 0 })
  await cluster.connect()
  await cluster.addTargetTopic(topic)
  const positions = new Map(starts.map(({ partition, offset }) => [partition, offset]))
  const leaders = cluster.findLeaderForPartitions(topic, [...positions.keys()])
  const read = []
  const deadline = Date.now() + 30000
  while (read.length < count && Date.now() < deadline) {
    for (const [nodeId, partitions] of Object.entries(leaders)) {
      const broker = await cluster.findBroker({ nodeId })
      const wanted = partitions.map(partition => ({ partition, fetchOffset: String(positions.get(partition)), maxBytes: 1048576 }))
      const answer = await broker.fetch({ replicaId: -1, isolationLevel: 0, maxWaitTime: 500, topics: [{ topic, partitions: wanted }] })
      for (const partitionData of answer.responses.flatMap(response => response.partitions)) {
        const partition = partitionData.partition
        const batch = new Batch(topic, String(positions.get(partition)), partitionData)
        for (const m of batch.messages) {
          read.push({ partition, offset: Number(m.offset), key: m.key, value: m.value, headers: m.headers, time: Number(m.timestamp) })
          positions.set(partition, Number(m.offset) + 1)
        }
      }
    }
  }
  await cluster.disconnect()
  return read
}

async function offsetAt(topic, partition, time) {
  const admin = kafka.admin()
  await admin.connect()
  const found = await admin.fetchTopicOffsetsByTimestamp(topic, time)
  await admin.disconnect()
  return Number(found.find(entry => entry.partition === partition).offset)
}

const normal = r => ({
  ...r,
  headers: Object.entries(r.headers).flatMap(([name, values]) => [values].flat().map(v => `${name}=${Buffer.from(v).toString('hex')}`)),
})

async function compare(topic, sent, starts) {
  const wanted = new Map(starts.map(({ partition, offset }) => [partition, offset]))
  const expected = sent.filter(r => wanted.has(r.partition) && r.offset >= wanted.get(r.partition))
  const seen = await read(topic, starts, expected.length)
  for (const partition of wanted.keys()) {
    const ours = expected.filter(r => r.partition === partition).map(normal)
    const theirs = seen.filter(r => r.partition === partition).map(normal)
    assert.strictEqual(theirs.length, ours.length, `partition ${partition}: records`)
    theirs.forEach((record, i) => assert.deepStrictEqual(record, ours[i]))
  }
}

async function fromTimestamp(topic, sent) {
  const ours = sent.filter(r => r.partition === 2)
  assert.strictEqual(await offsetAt(topic, 2, ours[7].time - 500), 7)
  assert.strictEqual(await offsetAt(topic, 2, ours[7].time), 7)
  // Behind the last record kafkajs itself puts the end of the partition in place of "none".
  assert.strictEqual(await offsetAt(topic, 2, ours.at(-1).time + 1), ours.length)
  await compare(topic, sent, [{ partition: 2, offset: 7 }])
}

async function main() {
  await zstd.init()
  let passed = 0
  let failed = 0
  const check = async (what, run) => {
    try {
      await run()
      passed++
      console.log(`ok   kafkajs: ${what}`)
    } catch (error) {
      failed++
      console.log(`FAIL kafkajs: ${what}: ${String(error.stack).slice(0, 2000)}`)
    }
  }
  for (const name of Object.keys(CODECS)) {
    const topic = `kafkajs-${name}-${crypto.randomBytes(4).toString('hex')}`
    const sent = records()
    await check(`${name}: create a topic with ${PARTITIONS} partitions`, () => create(topic))
    await check(`${name}: produce ${COUNT} records`, () => produce(topic, name, sent))
    await check(`${name}: read by assignment from the beginning`, () => compare(topic, sent, ALL))
    await check(`${name}: read from an offset`, () => compare(topic, sent, [{ partition: 1, offset: 12 }]))
    await check(`${name}: read from a timestamp`, () => fromTimestamp(topic, sent))
  }
  console.log(`kafkajs: ${passed} passed, ${failed} failed`)
  process.exitCode = failed || !passed ? 1 : 0
}

main()
